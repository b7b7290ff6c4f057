//! Who is at the other end of the Unix socket, as the kernel says: root and the daemon's own user and group administer.

use nix::unistd::{Uid, User};

use super::{Caller, Denied};

/// A process of this machine, by the effective user and group it had when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Local {
    user: u32,
    group: u32,
}

impl Local {
    pub(in crate::http) const fn new(user: u32, group: u32) -> Self {
        Self { user, group }
    }

    /// Signs in whoever it is, under a name such as `root@local`.
    ///
    /// # Errors
    /// [`Denied::Stranger`].
    pub(in crate::http) async fn caller(self) -> Result<Caller, Denied> {
        let own = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        self.admitted(own)?;
        // Names may come from a directory elsewhere.
        let user = self.user;
        let name = tokio::task::spawn_blocking(move || name(user)).await;
        Ok(Caller::local(name.map_err(|_| Denied::Failed)?))
    }

    /// `own`: the daemon's effective user and group.
    fn admitted(self, own: (u32, u32)) -> Result<(), Denied> {
        if self.user == 0 || self.user == own.0 || self.group == own.1 {
            return Ok(());
        }
        Err(Denied::Stranger {
            user: self.user,
            group: self.group,
        })
    }
}

fn name(user: u32) -> String {
    match User::from_uid(Uid::from_raw(user)) {
        Ok(Some(found)) => format!("{}@local", found.name),
        Ok(None) | Err(_) => format!("uid{user}@local"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_daemons_user_and_group_are_let_in() {
        let own = (990, 980);
        for (user, group) in [(0, 0), (0, 5), (990, 5), (1000, 980)] {
            assert_eq!(Local::new(user, group).admitted(own), Ok(()), "{user} {group}");
        }
        // Numbers of users and of groups are two kinds of numbers.
        for (user, group) in [(1000, 1000), (980, 990), (1000, 0)] {
            let denied = Local::new(user, group).admitted(own);
            assert_eq!(denied, Err(Denied::Stranger { user, group }));
        }
    }

    #[tokio::test]
    async fn they_are_called_by_their_user() {
        let caller = Local::new(0, 0).caller().await.unwrap();
        assert_eq!(caller, Caller::local("root@local"));
        assert_eq!(name(4_000_000_000), "uid4000000000@local");
    }
}
