//! Keeps the gated interfaces gated and the gateway's addresses known.
//!
//! Each look compares what the kernel has with what should be, and mends the difference; notifications decide when to
//! look. The kernel has no way to attach programs to an interface that does not exist yet, and loading them takes tens of
//! milliseconds (hundreds in an unoptimised build): from the moment an interface is gone until it is gated anew, a rule
//! keeps everything that comes from it from being forwarded. The rule is of no use for a port of a bridge, whose frames
//! are routed as the bridge's.

mod gated;

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    Settings, StartError, layouts,
    maps::Maps,
    names::{Answers, Change, Names},
    netlink::{Link, Netlink},
    programs::{Programs, chain},
    status::{GateStatus, TcMode},
    tables::Tables,
};
use crate::mac::Mac;
use gated::{Gated, attach};

/// How long until the next look when nothing is announced.
const LOOK: Duration = Duration::from_secs(10);

/// The same while an interface is missing or refuses the programs.
const RETRY: Duration = Duration::from_secs(1);

const SECOND: Duration = Duration::from_secs(1);

/// The owner of programs, links and addresses. Dropping it leaves everything enforced.
pub struct Supervisor {
    programs: Arc<Programs>,
    tables: Tables,
    netlink: Netlink,
    /// What the gateway's resolver answers, while names are listed.
    answers: Option<Answers>,
    names: Names,
    /// Seconds since the start, by which names expire.
    seconds: u64,
    /// The gateway's own, as last written.
    addresses: Vec<IpAddr>,
    /// MAC addresses of the gateway's interfaces and of its routers.
    own: Vec<Mac>,
    routers: Vec<Mac>,
    interfaces: Vec<Gated>,
    status: watch::Sender<Arc<GateStatus>>,
}

impl Supervisor {
    /// Gates every interface and writes down the gateway's addresses, resolvers and garden. Programs and links of a
    /// former daemon are adopted and replaced in place. Runs within a tokio runtime, in the network namespace of the
    /// interfaces.
    ///
    /// # Errors
    /// [`StartError`]: an interface does not exist or cannot be gated. Those that were reached stay gated.
    pub async fn start(settings: Settings) -> Result<(Self, watch::Receiver<Arc<GateStatus>>), StartError> {
        let maps = Maps::open(&settings.pins, settings.devices)?;
        Self::start_with(Programs::new(settings, maps)).await
    }

    /// [`Supervisor::start`] as a kernel older than 6.6 would have it, with filters of a clsact discipline.
    ///
    /// # Errors
    /// As there.
    #[doc(hidden)]
    pub async fn start_with_clsact(
        settings: Settings,
    ) -> Result<(Self, watch::Receiver<Arc<GateStatus>>), StartError> {
        let maps = Maps::open(&settings.pins, settings.devices)?;
        let mut programs = Programs::new(settings, maps);
        programs.tc = TcMode::Clsact;
        Self::start_with(programs).await
    }

    async fn start_with(programs: Programs) -> Result<(Self, watch::Receiver<Arc<GateStatus>>), StartError> {
        let netlink = Netlink::open()?;
        let settings = &programs.settings;
        let names = Names::new(&settings.names, &settings.garden);
        let answers = match settings.names.as_slice() {
            [] => None,
            _ => Some(Answers::open(&programs.maps)?),
        };
        let mut tables = Tables::open(&programs.maps)?;
        let links = netlink.links().await?;
        let addresses = netlink.addresses(&links).await?;
        // Before the programs, so that strangers reach the portal from their first frame on.
        tables.set_addresses(&addresses, &programs.settings.resolvers)?;
        tables.set_garden(&programs.settings)?;
        netlink.steer(&links).await?;
        let interfaces = programs.settings.interfaces.iter().map(Gated::new).collect();
        let (status, receiver) = watch::channel(Arc::default());
        let mut supervisor = Self {
            programs: Arc::new(programs),
            tables,
            netlink,
            answers,
            names,
            seconds: 0,
            addresses,
            own: Vec::new(),
            routers: Vec::new(),
            interfaces,
            status,
        };
        supervisor.attach_all(&links).await?;
        // Those of a daemon that was killed while an interface was missing, also of one that is not gated any more.
        supervisor.netlink.reopen(None).await?;
        supervisor.meet(&links).await?;
        let programs = &supervisor.programs;
        layouts::retire(&programs.settings.pins, programs.maps.directory())?;
        supervisor.publish();
        Ok((supervisor, receiver))
    }

    /// Keeps watch until `shutdown` is ready. Failed calls are repeated until they succeed, and told once.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut second = tokio::time::interval(SECOND);
        // Kept over answers: many of them must not put off the next look.
        let mut look = Box::pin(tokio::time::sleep(self.pause()));
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                heard = self.netlink.changed() => if !heard {
                    self.listen_again().await;
                },
                answer = answered(&mut self.answers) => {
                    self.learn(&answer);
                    continue;
                }
                _ = second.tick(), if self.answers.is_some() => {
                    self.expire();
                    continue;
                }
                () = &mut look => {}
            }
            look = Box::pin(tokio::time::sleep(self.pause()));
            if let Err(error) = self.look().await {
                tracing::warn!(error = %chain(&error), "the interfaces could not be looked at");
            }
        }
    }

    /// How long until the next look.
    fn pause(&self) -> Duration {
        if self.interfaces.iter().all(|gated| gated.attached.is_some()) {
            LOOK
        } else {
            RETRY
        }
    }

    /// Opens the addresses that a listed name was answered to have.
    fn learn(&mut self, answer: &[u8]) {
        let changes = self.names.learn(answer, &self.addresses, self.seconds);
        self.open_and_close(changes);
    }

    /// A second has passed.
    fn expire(&mut self) {
        self.seconds += 1;
        let changes = self.names.expire(self.seconds);
        self.open_and_close(changes);
    }

    fn open_and_close(&mut self, changes: Vec<Change>) {
        for change in changes {
            let done = match change {
                Change::Open(address, ports) => self.tables.plant(address, ports),
                Change::Close(address) => self.tables.pull(address),
            };
            if let Err(error) = done {
                tracing::warn!(error = %chain(&error), "an address of the walled garden could not be changed");
            }
        }
    }

    async fn listen_again(&mut self) {
        tracing::warn!("the netlink socket was lost");
        match Netlink::open() {
            Ok(netlink) => self.netlink = netlink,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "no new netlink socket");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn attach_all(&mut self, links: &[Link]) -> Result<(), StartError> {
        for gated in &mut self.interfaces {
            let name = &gated.configured.name;
            let Some(link) = links.iter().find(|link| &link.name == name) else {
                let existing: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
                return Err(StartError::UnknownInterface {
                    name: name.clone(),
                    existing: existing.join(", "),
                });
            };
            let Some(mac) = link.mac else {
                return Err(StartError::NotEthernet { name: name.clone() });
            };
            let target = gated.target(link, mac, links);
            let done = attach(&self.programs, target.clone()).await;
            let attached = done.map_err(|source| StartError::Attach {
                name: name.clone(),
                source: Box::new(source),
            })?;
            gated.settle(link, target, attached);
        }
        Ok(())
    }

    /// Compares and mends once.
    async fn look(&mut self) -> Result<(), StartError> {
        let links = self.netlink.links().await?;
        let addresses = self.netlink.addresses(&links).await?;
        if addresses != self.addresses {
            self.tables
                .set_addresses(&addresses, &self.programs.settings.resolvers)?;
            self.addresses = addresses;
        }
        for gated in &mut self.interfaces {
            let link = links.iter().find(|link| link.name == gated.configured.name);
            gated.mend(link, &links, &self.programs, &self.netlink).await;
        }
        if self.netlink.steer(&links).await? {
            tracing::warn!(
                "the rule that leads redirected connections to the portal was gone, and is there again"
            );
        }
        self.meet(&links).await?;
        self.publish();
        Ok(())
    }

    /// Learns whose MAC addresses are no guest's.
    async fn meet(&mut self, links: &[Link]) -> Result<(), StartError> {
        self.own = links.iter().filter_map(|link| link.mac.map(Mac)).collect();
        self.routers = self.netlink.routers().await?.into_iter().map(Mac).collect();
        Ok(())
    }

    fn publish(&self) {
        let now = GateStatus {
            interfaces: self.interfaces.iter().map(Gated::status).collect(),
            addresses: self.addresses.clone(),
            own: self.own.clone(),
            routers: self.routers.clone(),
        };
        self.status.send_if_modified(|status| {
            let changed = **status != now;
            if changed {
                *status = Arc::new(now);
            }
            changed
        });
    }
}

/// The next answer of the resolver; never, while no names are listed.
async fn answered(answers: &mut Option<Answers>) -> Vec<u8> {
    let Some(open) = answers else {
        return std::future::pending().await;
    };
    let Some(answer) = open.next().await else {
        *answers = None;
        return Vec::new();
    };
    answer
}
