//! One gated interface: what it should be attached to, what differs, and mending it.

use std::sync::Arc;

use crate::{
    gate::{
        AttachError,
        netlink::{Link, Netlink},
        programs::{Attached, Programs, Target, chain},
        settings::Interface,
        status::{InterfaceStatus, TcMode},
    },
    mac::Mac,
};

/// A gated interface as it was left by the last look.
pub(super) struct Gated {
    pub(super) configured: Interface,
    /// What was attached to, or should have been.
    target: Option<Target>,
    bridge: Option<u32>,
    pub(super) attached: Option<Attached>,
    /// Whether a rule keeps its frames from being forwarded.
    closed: bool,
    reattached: u64,
    /// Whether the present trouble was told.
    alarmed: bool,
    /// The last reason why attaching failed, told once.
    refusal: Option<String>,
}

impl Gated {
    pub(super) fn new(configured: &Interface) -> Self {
        Self {
            configured: configured.clone(),
            target: None,
            bridge: None,
            attached: None,
            closed: false,
            reattached: 0,
            alarmed: false,
            refusal: None,
        }
    }

    pub(super) fn target(&self, link: &Link, mac: [u8; 6], links: &[Link]) -> Target {
        let bridge = links.iter().find(|other| Some(other.index) == link.bridge);
        Target {
            name: link.name.clone(),
            index: link.index,
            mac,
            gateway: bridge.and_then(|bridge| bridge.mac).unwrap_or(mac),
            is_port: link.bridge.is_some(),
            zone: self.configured.zone,
            xdp: link.xdp,
        }
    }

    pub(super) fn settle(&mut self, link: &Link, target: Target, attached: Attached) {
        tracing::info!(
            interface = %self.configured.name, xdp = ?attached.xdp, tc = ?attached.tc, "the interface is gated"
        );
        self.bridge = link.bridge;
        self.target = Some(target);
        self.attached = Some(attached);
        self.alarmed = false;
        self.refusal = None;
    }

    pub(super) async fn mend(
        &mut self,
        link: Option<&Link>,
        links: &[Link],
        programs: &Arc<Programs>,
        netlink: &Netlink,
    ) {
        let Some((link, mac)) = link.and_then(|link| Some((link, link.mac?))) else {
            self.close(netlink).await;
            self.attached = None;
            self.target = None;
            self.alarm("it does not exist");
            return;
        };
        let target = self.target(link, mac, links);
        let Some(wrong) = self.wrong(&target, programs, netlink).await else {
            return self.reopen(netlink).await;
        };
        if !self.is_held(&target) {
            self.close(netlink).await;
        }
        self.alarm(wrong);
        self.attached = None;
        self.target = Some(target.clone());
        match attach(programs, target.clone()).await {
            Ok(attached) => {
                self.settle(link, target, attached);
                self.reattached += 1;
                self.reopen(netlink).await;
            }
            Err(error) => {
                let reason = chain(&error);
                if self.refusal.as_deref() != Some(&reason) {
                    tracing::warn!(interface = %self.configured.name, %reason, "the interface cannot be gated yet");
                }
                self.refusal = Some(reason);
            }
        }
    }

    /// Whether the gate's XDP program is on the interface, whatever else is wrong with it.
    fn is_held(&self, target: &Target) -> bool {
        let program = target.xdp.map(|(_, program)| program);
        program.is_some() && program == self.attached.map(|attached| attached.program)
    }

    async fn close(&mut self, netlink: &Netlink) {
        // Each time: somebody may have flushed the rules.
        match netlink.close(&self.configured.name).await {
            Ok(()) => self.closed = true,
            Err(error) => {
                tracing::warn!(interface = %self.configured.name, error = %chain(&error), "an interface without a gate stays open");
            }
        }
    }

    async fn reopen(&mut self, netlink: &Netlink) {
        if !self.closed {
            return;
        }
        match netlink.reopen(Some(&self.configured.name)).await {
            Ok(_) => self.closed = false,
            Err(error) => {
                tracing::warn!(interface = %self.configured.name, error = %chain(&error), "a gated interface stays closed");
            }
        }
    }

    /// What differs from how the interface was left.
    async fn wrong(&self, target: &Target, programs: &Programs, netlink: &Netlink) -> Option<&'static str> {
        let Some(attached) = self.attached else {
            return Some("it is not gated yet");
        };
        let before = self.target.as_ref()?;
        if before.index != target.index {
            return Some("it was made anew");
        }
        if before.mac != target.mac || before.gateway != target.gateway {
            return Some("its MAC address has changed");
        }
        if before.is_port != target.is_port {
            return Some("it has joined or left a bridge");
        }
        if target.xdp.map(|(_, program)| program) != Some(attached.program) {
            return Some("its XDP program is not the gate's");
        }
        let in_place = match attached.tc {
            TcMode::Tcx => programs.tcx_in_place(target),
            TcMode::Clsact => netlink.filters_in_place(target.index).await,
        };
        (!in_place).then_some("its tc programs are gone")
    }

    fn alarm(&mut self, wrong: &'static str) {
        if !self.alarmed {
            tracing::warn!(interface = %self.configured.name, "the gated interface needs the programs again: {wrong}");
        }
        self.alarmed = true;
    }

    pub(super) fn status(&self) -> InterfaceStatus {
        InterfaceStatus {
            name: self.configured.name.clone(),
            zone: self.configured.zone,
            index: self.target.as_ref().map_or(0, |target| target.index),
            bridge: self.bridge,
            mac: self.target.as_ref().map(|target| Mac(target.mac)),
            attached: self.attached.map(|attached| (attached.xdp, attached.tc)),
            reattached: self.reattached,
        }
    }
}

/// Loading waits for the verifier, tens of milliseconds that the runtime's threads should not.
pub(super) async fn attach(programs: &Arc<Programs>, target: Target) -> Result<Attached, AttachError> {
    let programs = Arc::clone(programs);
    tokio::task::spawn_blocking(move || programs.attach(&target))
        .await
        .unwrap_or(Err(AttachError::Stopping))
}
