//! The committed object in this machine's kernel, run on single frames by `BPF_PROG_TEST_RUN`: no interface involved.

use accounting_ebpf::layout::{Counters, Device, Garden, Port, map};
use accounting_ebpf::verdict::{Hook, Verdict, stat};
use anyhow::{Context, Result, bail, ensure};
use aya::maps::lpm_trie::{Key as Prefix, LpmTrie};
use aya::maps::{Array, HashMap, MapData, PerCpuArray};
use aya::programs::{SchedClassifier, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// The object as committed.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../../accounting-ebpf/object/accounting.bpf.o");

/// A program of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `gate_xdp`.
    Xdp,
    /// `gate_xdp_linear`.
    XdpLinear,
    /// `gate_ingress`.
    Ingress,
    /// `gate_egress`.
    Egress,
}

impl Program {
    /// Its name in the object.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xdp => "gate_xdp",
            Self::XdpLinear => "gate_xdp_linear",
            Self::Ingress => "gate_ingress",
            Self::Egress => "gate_egress",
        }
    }

    /// Where it runs.
    #[must_use]
    pub const fn hook(self) -> Hook {
        match self {
            Self::Xdp | Self::XdpLinear => Hook::XdpIngress,
            Self::Ingress => Hook::TcIngress,
            Self::Egress => Hook::TcEgress,
        }
    }

    /// What it returns for a frame that passes, and for one that is dropped.
    #[must_use]
    pub const fn action(self, passes: bool) -> i32 {
        match (self.hook(), passes) {
            (Hook::XdpIngress, true) => 2,
            (Hook::XdpIngress, false) => 1,
            (_, true) => -1,
            (_, false) => 2,
        }
    }
}

/// What a packet at a tc hook has besides its bytes, as far as the kernel lets a test say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skb {
    /// The interface it came in by; 0: made by this machine.
    pub ingress_ifindex: u32,
    /// Bytes on the wire; 0: its length.
    pub wire_len: u32,
    /// Segments; 0 as for any frame that is not a super-frame.
    pub gso_segs: u32,
    /// The mark that its socket has given it.
    pub mark: u32,
}

/// The programs, loaded, with maps of their own.
pub struct Kernel {
    ebpf: Ebpf,
}

impl Kernel {
    /// Loads all programs for an interface, with room for `devices`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the object; the verifier's log is in the error.
    pub fn load(port: Port, devices: u32) -> Result<Self> {
        let mut loader = EbpfLoader::new();
        loader
            .map_max_entries(map::DEVICES, devices)
            .map_max_entries(map::COUNTERS, devices)
            .map_max_entries(map::TOKENS, devices + accounting_ebpf::layout::TOKEN_FIRST);
        Self::load_by(loader, &port)
    }

    /// Loads all programs for an interface on the maps that a gate has pinned in a folder.
    ///
    /// # Errors
    ///
    /// When a map is missing, or the kernel refuses the object.
    pub fn load_pinned(port: Port, pins: &Path) -> Result<Self> {
        let names = [
            map::DEVICES,
            map::TOKENS,
            map::COUNTERS,
            map::STATS,
            map::ROGUE,
            map::ADDRESSES,
            map::GARDEN4,
            map::GARDEN6,
            map::BUDGETS,
            map::ANSWERS,
        ];
        let mut loader = EbpfLoader::new();
        for name in names {
            let pin = pins.join(name);
            ensure!(pin.exists(), "no map pinned at {}", pin.display());
            loader.map_pin_path(name, pin);
        }
        Self::load_by(loader, &port)
    }

    fn load_by<'a>(mut loader: EbpfLoader<'a>, port: &'a Port) -> Result<Self> {
        let mut ebpf = loader.override_global("PORT", port, true).load(OBJECT)?;
        for program in [Program::Xdp, Program::XdpLinear] {
            let program: &mut Xdp = ebpf
                .program_mut(program.name())
                .context("no such program")?
                .try_into()?;
            program.load()?;
        }
        for program in [Program::Ingress, Program::Egress] {
            let program: &mut SchedClassifier = ebpf
                .program_mut(program.name())
                .context("no such program")?
                .try_into()?;
            program.load()?;
        }
        Ok(Self { ebpf })
    }

    /// Runs a program on a frame `repeat` times; its last result, and the mean time of one run.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the run, as it does for frames of fewer than 14 bytes.
    pub fn run(&self, program: Program, frame: &[u8], skb: Skb, repeat: u32) -> Result<(i32, Duration)> {
        let context = skb.context();
        let mut options = TestRunOptions {
            data_in: Some(frame),
            repeat,
            ..TestRunOptions::new()
        };
        let name = program.name();
        let result = match self.ebpf.program(name).context("no such program")? {
            aya::programs::Program::Xdp(xdp) => xdp.test_run(options)?,
            aya::programs::Program::SchedClassifier(tc) => {
                options.ctx_in = Some(&context);
                tc.test_run(options)?
            }
            _ => bail!("{name} is of another kind"),
        };
        Ok((result.return_value.cast_signed(), result.duration))
    }

    /// Runs a program of XDP on a frame once: its result, and the frame as it has left it.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`].
    pub fn change(&self, program: Program, frame: &[u8]) -> Result<(i32, Vec<u8>)> {
        let mut changed = vec![0; frame.len() + 256];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut changed),
            repeat: 1,
            ..TestRunOptions::new()
        };
        let name = program.name();
        let program = self.ebpf.program(name).context("no such program")?;
        let aya::programs::Program::Xdp(xdp) = program else {
            bail!("{name} is of another kind")
        };
        let result = xdp.test_run(options)?;
        changed.truncate(usize::try_from(result.data_size_out)?);
        Ok((result.return_value.cast_signed(), changed))
    }

    /// Enters a device.
    ///
    /// # Errors
    ///
    /// When the map is full.
    pub fn admit(&mut self, key: u64, device: Device) -> Result<()> {
        Ok(HashMap::<_, u64, Device>::try_from(self.map(map::DEVICES)?)?.insert(key, device, 0)?)
    }

    /// Sets a token's deadline, in nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// When there is no such slot.
    pub fn deadline(&mut self, token: u32, deadline: u64) -> Result<()> {
        Ok(Array::<_, u64>::try_from(self.map(map::TOKENS)?)?.set(token, deadline, 0)?)
    }

    /// Names an address of the gateway or of a resolver.
    ///
    /// # Errors
    ///
    /// When the map is full.
    pub fn address(&mut self, address: IpAddr, flags: u32) -> Result<()> {
        let key = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        Ok(HashMap::<_, [u8; 16], u32>::try_from(self.map(map::ADDRESSES)?)?.insert(key, flags, 0)?)
    }

    /// Opens a prefix to strangers.
    ///
    /// # Errors
    ///
    /// When the map is full.
    pub fn garden(&mut self, prefix: (IpAddr, u32), garden: Garden) -> Result<()> {
        match prefix {
            (IpAddr::V4(address), length) => {
                let mut garden4 = LpmTrie::<_, [u8; 4], Garden>::try_from(self.map(map::GARDEN4)?)?;
                Ok(garden4.insert(&Prefix::new(length, address.octets()), garden, 0)?)
            }
            (IpAddr::V6(address), length) => {
                let mut garden6 = LpmTrie::<_, [u8; 16], Garden>::try_from(self.map(map::GARDEN6)?)?;
                Ok(garden6.insert(&Prefix::new(length, address.octets()), garden, 0)?)
            }
        }
    }

    /// The counters of a slot.
    ///
    /// # Errors
    ///
    /// When there is no such slot.
    pub fn counters(&mut self, slot: u32) -> Result<Counters> {
        Ok(Array::<_, Counters>::try_from(self.map(map::COUNTERS)?)?.get(&slot, 0)?)
    }

    /// How many frames got this verdict at this hook, on all processors.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn stat(&mut self, hook: Hook, verdict: Verdict) -> Result<u64> {
        let stats = PerCpuArray::<_, u64>::try_from(self.map(map::STATS)?)?;
        Ok(stats.get(&stat(hook, verdict), 0)?.iter().sum())
    }

    /// All counts.
    ///
    /// # Errors
    ///
    /// As for [`Self::stat`].
    pub fn stats(&mut self) -> Result<Vec<(Hook, Verdict, u64)>> {
        let pairs = Hook::ALL
            .into_iter()
            .flat_map(|hook| Verdict::ALL.map(|verdict| (hook, verdict)));
        pairs
            .map(|(hook, verdict)| Ok((hook, verdict, self.stat(hook, verdict)?)))
            .collect()
    }

    /// The key of the device that played router or DHCP server last; 0: none.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn last_rogue(&mut self) -> Result<u64> {
        Ok(Array::<_, u64>::try_from(self.map(map::ROGUE)?)?.get(&0, 0)?)
    }

    fn map(&mut self, name: &str) -> Result<&mut aya::maps::Map> {
        self.ebpf.map_mut(name).with_context(|| format!("no map {name}"))
    }

    /// A map by its name, to be mapped or walked by the caller.
    ///
    /// # Errors
    ///
    /// When there is no such map or it is of another kind.
    pub fn array<T: aya::Pod>(&mut self, name: &str) -> Result<Array<&mut MapData, T>> {
        Ok(Array::try_from(self.map(name)?)?)
    }
}

impl Skb {
    /// `struct __sk_buff` with the fields that a test may set.
    fn context(self) -> [u8; 192] {
        const MARK: usize = 8;
        const INGRESS_IFINDEX: usize = 36;
        const WIRE_LEN: usize = 160;
        const GSO_SEGS: usize = 164;
        let mut context = [0; 192];
        for (at, value) in [
            (MARK, self.mark),
            (INGRESS_IFINDEX, self.ingress_ifindex),
            (WIRE_LEN, self.wire_len),
            (GSO_SEGS, self.gso_segs),
        ] {
            context[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        context
    }
}
