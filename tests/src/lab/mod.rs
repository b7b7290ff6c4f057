//! A hotspot's network on one machine, out of network namespaces: clients, an access point, a gateway, an internet.
//!
//! Nothing leaves the machine: no namespace has a wire to the host. Several labs can be up at once. A lab goes away
//! when its value is dropped, when a signal ends the process, or, after SIGKILL, when the next lab comes up.

mod build;
mod capture;
mod cleanup;
mod client;
mod command;
mod daemon;
mod dhcp6;
mod dns;
mod far_end;
mod flow;
mod folder;
mod gateway;
mod http;
mod namespace;
mod nonce;
mod packages;
mod packet;
mod process;
mod reaper;
mod services;
mod signals;
pub mod site;
mod tool;
mod web;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use aya::Ebpf;

pub use build::{cargo, daemon as build_daemon, next_daemon as build_next_daemon, program as build_program};
pub use capture::{Capture, FRAMES_MAX, Filter, Frame, SNAP, Sighting};
pub use cleanup::{STATE, clean};
pub use client::{Addresses, Client};
pub use command::{run as run_command, variables};
pub use daemon::{ADMINISTRATOR, API_PORT, Daemon, PORTAL_PORT};
pub use dns::resolve;
pub use flow::{Download, Flow, PAYLOAD_MAX, Pace, RATE_MAX};
pub use gateway::{GATEWAY_NAME, INTERNET_NAME, MANY_DOMAIN, OTHER_NAME, many_name};
pub use http::{Answer, Request};
pub use namespace::{FOLDER, Namespace};
pub use nonce::{Nonce, Stamp};
pub use packages::{BPF_FS, ensure as ensure_programs, prepare};
pub use packet::Injector;
pub use process::{Process, started_at};
pub use services::{DISCARD_PORT, ECHO_PORT, HTTP_PORTS, STREAM_PORT};
pub use tool::{find as find_program, run, run_with};

use cleanup::Footprint;
use reaper::Reaper;
use services::Services;
use site::{INTERNET_IP4, INTERNET_IP6, OTHER_IP4, OTHER_IP6, Site};

/// What a lab is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many clients, at least 1.
    pub clients: usize,
    /// The daemon's binary; without one there is no gate and everything passes.
    pub daemon: Option<PathBuf>,
    /// TOML for the end of the daemon's configuration: further keys of `[administrator]`, then further tables.
    pub config: String,
    /// TOML of further keys of `[gate]`, a line each.
    pub gate: String,
    /// How many devices the gate holds.
    pub devices: u32,
    /// Whether the clients connect at once. Otherwise each comes by [`Client::connect`].
    pub connect: bool,
    /// Whether the air takes what XDP sends back, refusals above all, as any real far end does.
    pub answers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clients: 2,
            daemon: None,
            config: String::new(),
            gate: String::new(),
            devices: 65_536,
            connect: true,
            answers: false,
        }
    }
}

/// A lab that is up. Dropping it takes everything down.
#[derive(Debug)]
pub struct Lab {
    gateway: Namespace,
    internet: Namespace,
    clients: Vec<Client>,
    daemon: Option<Daemon>,
    _services: Services,
    _far_end: Option<Ebpf>,
    footprint: Footprint,
    /// After the footprint, whose removal ends them.
    reaper: Reaper,
}

impl Lab {
    /// A lab of so many clients, without a daemon.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_clients(clients: usize) -> Result<Self> {
        Self::up(&Options {
            clients,
            ..Options::default()
        })
    }

    /// Removes what dead labs left and brings a new one up: wires, internet, gateway, daemon, clients, in this order,
    /// so that the clients get their addresses through the gate.
    ///
    /// # Errors
    /// When the process is not root, something is missing that cannot be installed, or a part does not come up; what
    /// was built until then is removed.
    pub fn up(options: &Options) -> Result<Self> {
        packages::prepare()?;
        signals::watch()?;
        for id in cleanup::clean()? {
            eprintln!("lab: removed what lab {id} left");
        }
        let reaper = Reaper::start()?;
        let footprint = Footprint::claim()?;
        let state = footprint.state();
        let Site {
            gateway,
            internet,
            clients,
        } = site::build(&footprint, options.clients)?;
        let addresses: [IpAddr; 4] = [
            INTERNET_IP4.into(),
            INTERNET_IP6.into(),
            OTHER_IP4.into(),
            OTHER_IP6.into(),
        ];
        let far_end = options.answers.then(|| far_end::attach(&footprint)).transpose()?;
        let services = Services::start(&internet, &addresses)?;
        reaper.adopt(gateway::serve_names(&internet, &state)?);
        reaper.adopt(gateway::serve(&gateway, &state)?);
        let clients = (1..)
            .zip(clients)
            .map(|(number, namespace)| Client::new(number, namespace, &state));
        let clients = clients.collect::<Result<Vec<_>>>()?;
        let install = |binary| Daemon::install(&gateway, &footprint, binary, options);
        let daemon = options.daemon.as_deref().map(install).transpose()?;
        let lab = Self {
            gateway,
            internet,
            clients,
            daemon,
            _services: services,
            _far_end: far_end,
            footprint,
            reaper,
        };
        if let Some(daemon) = &lab.daemon {
            lab.reaper.watch(daemon.pid_file());
            daemon.start()?;
        }
        if options.connect {
            lab.connect_clients()?;
        }
        Ok(lab)
    }

    /// Part of all names on this machine: `acc-<id>-gw`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.footprint.id()
    }

    /// The gateway's namespace; its interfaces are [`site::LAN`], the gated one, and [`site::WAN`].
    #[must_use]
    pub fn gateway(&self) -> &Namespace {
        &self.gateway
    }

    /// The internet's namespace; its interface is [`site::ISP`].
    #[must_use]
    pub fn internet(&self) -> &Namespace {
        &self.internet
    }

    /// All clients.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// The client of this number, counted from 1.
    ///
    /// # Errors
    /// When the lab has fewer.
    pub fn client(&self, number: usize) -> Result<&Client> {
        let client = number.checked_sub(1).and_then(|index| self.clients.get(index));
        client.with_context(|| {
            format!(
                "the lab has {} clients, none is number {number}",
                self.clients.len()
            )
        })
    }

    /// The daemon.
    ///
    /// # Errors
    /// When the lab was brought up without one.
    pub fn daemon(&self) -> Result<&Daemon> {
        self.daemon.as_ref().context("this lab has no daemon")
    }

    /// The daemon, if the lab has one.
    #[must_use]
    pub fn installed_daemon(&self) -> Option<&Daemon> {
        self.daemon.as_ref()
    }

    /// A folder on a real disk that goes away with the lab.
    #[must_use]
    pub fn disk(&self) -> &std::path::Path {
        self.footprint.disk()
    }

    /// Sends `GET target` from a client to a server on the internet.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub fn get(&self, client: &Client, server: impl Into<SocketAddr>, target: &str) -> Result<Answer> {
        Request::new(client.namespace(), server.into(), "GET", target).send()
    }

    fn connect_clients(&self) -> Result<()> {
        std::thread::scope(|scope| {
            let asking: Vec<_> = self
                .clients
                .iter()
                .map(|client| scope.spawn(move || client.connect()))
                .collect();
            for client in asking {
                client
                    .join()
                    .map_err(|_panic| anyhow!("the thread of a client panicked"))??;
            }
            Ok(())
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(daemon) = &self.daemon
        {
            let log = daemon.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the end of the daemon's log:\n{}",
                lines[lines.len().saturating_sub(40)..].join("\n")
            );
        }
    }
}
