//! The daemon in the gateway: its configuration and data, and how it is started, killed and started again.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use super::Options;
use super::cleanup::Footprint;
use super::http::{Answer, Request, basic};
use super::namespace::Namespace;
use super::nonce::Nonce;
use super::process::Process;
use super::site::{LAN, LAN_IP4};
use super::tool;

/// The port of the api listener, on the gateway's loopback.
pub const API_PORT: u16 = 8480;
/// The port of the portal, on the gateway's own addresses.
pub const PORTAL_PORT: u16 = 8880;
/// The administrator that the first start makes.
pub const ADMINISTRATOR: &str = "admin@lab.test";

/// Names another binary to the start script.
const BINARY: &str = "ACCOUNTING_BINARY";

/// How long the daemon may take to become ready, in seconds.
const READY_SECONDS: u32 = 20;
/// How long the daemon may take to answer on a machine that does much else; no measure of its speed.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the daemon may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// The daemon of a lab. It is no child of this process: whoever has the start script may start it.
#[derive(Debug)]
pub struct Daemon {
    namespace: Namespace,
    binary: PathBuf,
    config: PathBuf,
    data: PathBuf,
    pins: PathBuf,
    start: PathBuf,
    pid: PathBuf,
    log: PathBuf,
    password: String,
}

impl Daemon {
    /// Writes the configuration that the options ask for, and the start script. Starts nothing.
    pub(super) fn install(
        gateway: &Namespace,
        footprint: &Footprint,
        binary: &Path,
        options: &Options,
    ) -> Result<Self> {
        let state = footprint.state();
        let daemon = Self {
            namespace: gateway.clone(),
            binary: binary
                .canonicalize()
                .with_context(|| format!("no daemon at {}", binary.display()))?,
            config: footprint.disk().join("accounting.toml"),
            data: footprint.disk().join("data"),
            pins: footprint.pins(),
            start: state.join("start-daemon"),
            pid: state.join("daemon.pid"),
            log: state.join("daemon.log"),
            password: format!("{}{}", Nonce::draw()?, Nonce::draw()?),
        };
        std::fs::create_dir(&daemon.data)
            .with_context(|| format!("cannot make {}", daemon.data.display()))?;
        let password = footprint.disk().join("administrator.password");
        write(&password, &format!("{}\n", daemon.password), 0o600)?;
        write(&daemon.config, &daemon.configuration(&password, options), 0o600)?;
        write(&daemon.start, &daemon.start_script(), 0o700)?;
        Ok(daemon)
    }

    /// Starts it, and returns when it answers `/healthz`.
    ///
    /// # Errors
    /// When it runs already, or ends, or is not ready within 20 s: the error carries the end of its log.
    pub fn start(&self) -> Result<()> {
        tool::run(&mut tool::tool(&self.start_command()?))?;
        Ok(())
    }

    /// The same with another binary, as after an upgrade.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn start_as(&self, binary: &Path) -> Result<()> {
        tool::run(tool::tool(&self.start_command()?).env(BINARY, binary))?;
        Ok(())
    }

    /// Ends it as a power cut would, by SIGKILL, and returns when it is gone. The gate stays.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill9(&self) -> Result<()> {
        self.end(Signal::KILL)
    }

    /// Stops it by SIGTERM, and returns when it is gone. The gate stays.
    ///
    /// # Errors
    /// When it does not run, or is still there after 10 s.
    pub fn stop(&self) -> Result<()> {
        self.end(Signal::TERM)
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<i32> {
        let text = std::fs::read_to_string(&self.pid).context("the daemon was never started")?;
        let id: i32 = text
            .trim()
            .parse()
            .with_context(|| format!("malformed {}", self.pid.display()))?;
        if !self.namespace.processes().contains(&id) {
            bail!("the daemon (last seen as process {id}) does not run");
        }
        Ok(id)
    }

    /// The file with its process id, or with its last one.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.pid.clone()
    }

    /// The daemon's binary as a command in the gateway, such as for `detach`.
    #[must_use]
    pub fn command(&self) -> Command {
        self.namespace.command(&self.binary.to_string_lossy())
    }

    /// Its binary.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Sends a request to the api listener, signed in as the administrator.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub fn api(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Answer> {
        let request = Request::new(&self.namespace, self.api_address(), method, target);
        let request = request.basic(ADMINISTRATOR, &self.password).limit(ANSWER);
        match body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    }

    /// What signs requests in as the administrator, as the value of `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> String {
        basic(ADMINISTRATOR, &self.password)
    }

    /// Asks for what is read piece by piece, with further header lines that each end in CR LF; nothing of the answer has
    /// been read. A read may take so long.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn begin(&self, target: &str, headers: &str, limit: Duration) -> Result<TcpStream> {
        let address = self.api_address();
        let mut connection = self.namespace.enter(|| Ok(TcpStream::connect(address)?))?;
        connection.set_read_timeout(Some(limit))?;
        let authorization = self.authorization();
        write!(
            connection,
            "GET {target} HTTP/1.0\r\nHost: g\r\nAuthorization: {authorization}\r\n{headers}\r\n"
        )?;
        Ok(connection)
    }

    /// A counter or gauge of `/metrics`; `name` with its labels as they are written there.
    ///
    /// # Errors
    /// When the daemon does not answer, or has another kind of value under this name.
    pub fn metric(&self, name: &str) -> Result<Option<f64>> {
        let text = self.api("GET", "/metrics", None)?.text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.map(|value| value.trim().parse()).transpose()?)
    }

    /// The api listener, reachable from the gateway's namespace.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], API_PORT).into()
    }

    /// The portal, reachable from the clients.
    #[must_use]
    pub fn portal_address(&self) -> SocketAddr {
        (LAN_IP4, PORTAL_PORT).into()
    }

    /// The administrator's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The configuration file; edit it and start the daemon again.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The data folder, on a real disk.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The folder of its pins in the bpf file system.
    #[must_use]
    pub fn pins(&self) -> &Path {
        &self.pins
    }

    /// A command that starts it in the background and returns when it is ready.
    ///
    /// # Errors
    /// When its path is not text.
    pub fn start_command(&self) -> Result<String> {
        self.start
            .to_str()
            .map(str::to_owned)
            .context("the lab's folder has a name that is not text")
    }

    /// All it has written to stdout and stderr so far, over all starts.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let process = Process::open(self.pid()?)?;
        process.signal(signal)?;
        if !process.ended_within(STOP) {
            bail!("the daemon is still there {} s after {signal:?}", STOP.as_secs());
        }
        Ok(())
    }

    fn configuration(&self, password: &Path, options: &Options) -> String {
        format!(
            "data = {data:?}\n\
             pins = {pins:?}\n\
             trust_rtc = true\n\n\
             [[interface]]\nname = \"{LAN}\"\nzone = 0\n\n\
             [gate]\ndevices = {devices}\n{gate}\n\n\
             [api]\nlisten = [\"{api}\"]\n\n\
             [portal]\nlisten_port = {PORTAL_PORT}\n\n\
             [administrator]\nemail = \"{ADMINISTRATOR}\"\npassword_file = {password:?}\n\
             {config}\n",
            devices = options.devices,
            gate = options.gate,
            config = options.config,
            data = self.data,
            pins = self.pins,
            api = self.api_address(),
        )
    }

    /// The one way the daemon is started, here and by commands outside.
    fn start_script(&self) -> String {
        format!(
            "#!/bin/sh\n\
             # Starts the lab's daemon in the background; returns when it is ready.\n\
             PATH={path}\n\
             log={log:?}\n\
             pid={pid:?}\n\
             inside() {{ nsenter --net={namespace:?} -- \"$@\"; }}\n\
             ready() {{ inside curl -sf -m 2 -o /dev/null http://{api}/healthz; }}\n\
             if ready; then echo \"the daemon runs already as process $(cat \"$pid\")\" >&2; exit 1; fi\n\
             # As its unit has it.\n\
             export MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072\n\
             setsid nsenter --net={namespace:?} -- \"${{{BINARY}:-{binary}}}\" serve --config {config:?} \\\n\
             </dev/null >>\"$log\" 2>&1 &\n\
             daemon=$!\n\
             echo $daemon >\"$pid\"\n\
             turns=0\n\
             until ready; do\n\
             turns=$((turns + 1))\n\
             if ! kill -0 $daemon 2>/dev/null || [ $turns -ge {turns} ]; then\n\
             echo \"the daemon is not ready; the end of $log:\" >&2\n\
             tail -n 40 \"$log\" >&2\n\
             exit 1\n\
             fi\n\
             sleep 0.05\n\
             done\n",
            path = tool::path(),
            log = self.log,
            pid = self.pid,
            binary = self.binary.display(),
            namespace = self.namespace.path(),
            api = self.api_address(),
            config = self.config,
            turns = READY_SECONDS * 20,
        )
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(())
}
