//! The devices that are online on a token, oldest session first: mostly one, which takes no memory of its own.

use std::ops::{Deref, DerefMut};

use crate::mac::DeviceId;

/// They are reached as a slice.
#[expect(
    clippy::box_collection,
    reason = "a word for the few that have many; all others have one"
)]
#[derive(Clone, Debug, Default)]
pub(super) enum Devices {
    #[default]
    None,
    One(DeviceId),
    Many(Box<Vec<DeviceId>>),
}

impl Devices {
    pub(super) fn push(&mut self, device: DeviceId) {
        match self {
            Self::None => *self = Self::One(device),
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, device])),
            Self::Many(all) => all.push(device),
        }
    }

    pub(super) fn remove(&mut self, device: DeviceId) {
        if let Self::Many(all) = self {
            all.retain(|other| *other != device);
        }
        match **self {
            [one] if one == device => *self = Self::None,
            [one] => *self = Self::One(one),
            [] => *self = Self::None,
            _ => {}
        }
    }
}

impl Deref for Devices {
    type Target = [DeviceId];

    fn deref(&self) -> &[DeviceId] {
        match self {
            Self::None => &[],
            Self::One(device) => std::slice::from_ref(device),
            Self::Many(all) => all,
        }
    }
}

impl DerefMut for Devices {
    fn deref_mut(&mut self) -> &mut [DeviceId] {
        match self {
            Self::None => &mut [],
            Self::One(device) => std::slice::from_mut(device),
            Self::Many(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_as_a_list_would_be(steps in proptest::collection::vec((any::<bool>(), 0u64..6), 0..40)) {
            let (mut devices, mut list) = (Devices::default(), Vec::new());
            for (comes, number) in steps {
                let device = DeviceId::from_number(number);
                if comes && !list.contains(&device) {
                    devices.push(device);
                    list.push(device);
                } else {
                    devices.remove(device);
                    list.retain(|other| *other != device);
                }
                prop_assert_eq!(&*devices, list.as_slice());
                prop_assert_eq!(matches!(devices, Devices::Many(_)), list.len() > 1);
            }
        }
    }
}
