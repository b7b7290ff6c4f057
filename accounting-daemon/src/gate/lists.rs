//! Devices that are judged without a session.

use std::collections::BTreeMap;

use accounting_ebpf::layout;

use crate::mac::DeviceId;

/// What a device is listed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// It always passes.
    Bypass,
    /// It never passes.
    Blocked,
}

impl Listed {
    /// The reserved token slot its entry points at.
    pub(super) const fn token(self) -> u32 {
        match self {
            Self::Bypass => layout::TOKEN_BYPASS,
            Self::Blocked => layout::TOKEN_BLOCKED,
        }
    }
}

/// Both lists as one: a device in both is blocked.
pub(super) fn merge(bypass: &[DeviceId], block: &[DeviceId]) -> BTreeMap<DeviceId, Listed> {
    let bypass = bypass.iter().map(|device| (*device, Listed::Bypass));
    let block = block.iter().map(|device| (*device, Listed::Blocked));
    bypass.chain(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn the_block_list_wins() {
        let device = |last| DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        };
        let lists = merge(&[device(1), device(2)], &[device(2), device(3)]);
        let found: Vec<_> = lists.into_values().collect();
        assert_eq!(found, [Listed::Bypass, Listed::Blocked, Listed::Blocked]);
    }
}
