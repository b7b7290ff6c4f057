//! The portal: what a guest sees who is not online yet, and the pages that tell how long it goes on.
//!
//! Who is asking is known from the network before the first byte of a request is read, and never from what the client
//! says. Nothing administrative is reachable here.

mod assets;
mod captive;
mod cookie;
mod destination;
mod elsewhere;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod guest;
mod host;
mod language;
mod listener;
mod login;
mod logout;
mod look;
mod offer;
mod origin;
mod page;
mod pages;
mod probe;
mod ration;
mod refusal;
mod resume;
mod route;
mod silent;
mod status;
mod terms;
mod writer;

use std::sync::Arc;

use hyper::{
    Request,
    body::{Body, Bytes},
    http::request::Parts,
};
use tokio::sync::watch;

use crate::{
    config::{CodesConfig, Config, PortalConfig},
    engine::Engine,
    gate::status::GateStatus,
    http::{self, Clock, Tls, answer::Answer, body, body::ReadError},
    metrics::{Metrics, PortalPage},
    store::Disk,
};
pub use guest::Guest;
use language::Language;
pub use listener::serve;
pub use look::{Look, LookError};
use page::Page;
use pages::Pages;
use ration::Ration;
use refusal::Refusal;
use route::{Found, Target};
use writer::Writer;

/// What guests are answered with.
pub struct Portal {
    config: PortalConfig,
    codes: CodesConfig,
    engine: Engine,
    disk: Disk,
    writer: Writer,
    clock: Clock,
    metrics: Arc<Metrics>,
    gate: watch::Receiver<Arc<GateStatus>>,
    pages: Pages,
    tls: Option<Tls>,
    ration: Ration,
}

/// A request that has arrived.
struct Asked<'a> {
    guest: &'a Guest,
    head: Parts,
    /// The form that was posted; empty otherwise.
    form: Vec<(String, String)>,
    query: Vec<(String, String)>,
    language: Arc<Language>,
    /// Where the portal is for this guest: scheme, host and port.
    base: String,
}

impl Asked<'_> {
    /// A field of the form, else of the query.
    fn field(&self, name: &str) -> Option<&str> {
        let fields = self.form.iter().chain(&self.query);
        let mut values = fields
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.trim());
        values.find(|value| !value.is_empty())
    }
}

impl Portal {
    /// Puts it together and starts the thread that writes down who may resume.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn new(
        config: &Config,
        look: Look,
        engine: Engine,
        disk: Disk,
        clock: Clock,
        metrics: Arc<Metrics>,
        gate: watch::Receiver<Arc<GateStatus>>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            config: config.portal.clone(),
            codes: config.codes.clone(),
            engine,
            writer: Writer::start(disk.clone(), config.portal.resume_days, Arc::clone(&clock))?,
            disk,
            clock,
            metrics,
            gate,
            pages: look.pages,
            tls: look.tls,
            ration: Ration::default(),
        })
    }

    /// Answers one request. A panic is answered 500 and kept to this request.
    async fn answer<B>(&self, request: Request<B>, guest: &Guest) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let gate = Arc::clone(&self.gate.borrow());
        let found = route::find(&request, guest, &gate, self.config.url.as_deref());
        let page = found.page();
        let timer = self.metrics.portal().timer(page);
        let answer = http::contained(self.respond(request, guest, found, &gate)).await;
        let answer = answer.unwrap_or_else(|| {
            tracing::error!(page = page.as_str(), "a request ended in a panic");
            self.metrics.panicked();
            pages::bare(hyper::StatusCode::INTERNAL_SERVER_ERROR)
        });
        drop(timer);
        self.metrics.portal().answered(page, answer.status().as_u16());
        answer
    }

    async fn respond<B>(&self, request: Request<B>, guest: &Guest, found: Found, gate: &GateStatus) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        let base = host::base(self.config.url.as_deref(), self.config.listen_port, guest, gate);
        let language = self.pages.languages().of_request(&head);
        let query = form_of(head.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
        let mut asked = Asked {
            guest,
            head,
            form: Vec::new(),
            query,
            language,
            base,
        };
        match found {
            Found::Elsewhere(host) => return elsewhere::answer(self, &asked, host.as_deref()),
            Found::Asset(asset) => return assets::answer(&self.pages, &asked.head, asset),
            Found::Get(Target::Captive) => return captive::answer(self, &asked).await,
            Found::Get(_) | Found::Post(_) => {}
            Found::NotAllowed(allow) => return self.refuse(&asked, Refusal::Method(allow)).await,
            Found::Nothing => return self.refuse(&asked, Refusal::NotFound).await,
            Found::BadHost => return self.refuse(&asked, Refusal::Malformed).await,
        }
        if let Found::Post(_) = found {
            if !origin::is_own(&asked.head, gate, self.config.url.as_deref()) {
                return self.refuse(&asked, Refusal::Foreign).await;
            }
            if !self.ration.take(guest.device, (self.clock)().monotonic) {
                return self.refuse(&asked, Refusal::TooFast).await;
            }
            asked.form = match self.read_form(&asked.head, body).await {
                Ok(form) => form,
                Err(refusal) => return self.refuse(&asked, refusal).await,
            };
        }
        match found {
            Found::Get(Target::Home) => status::home(self, &asked).await,
            Found::Get(Target::Login) => login::show(self, &asked).await,
            Found::Get(Target::Status) => status::show(self, &asked).await,
            Found::Get(Target::Logout) => logout::show(self, &asked).await,
            Found::Get(Target::Resume) => resume::show(self, &asked).await,
            Found::Get(Target::Terms) => terms::page(self, &asked),
            Found::Post(Target::Login) => login::redeem(self, &asked).await,
            Found::Post(Target::Logout) => logout::release(self, &asked).await,
            Found::Post(Target::Resume) => resume::redeem(self, &asked).await,
            _ => self.refuse(&asked, Refusal::NotFound).await,
        }
    }

    async fn read_form<B>(&self, head: &Parts, body: B) -> Result<Vec<(String, String)>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // An empty form of a button need not say what it is.
        let media_type = body::media_type(&head.headers);
        let bytes_max = self.config.body_bytes_max;
        let read = body::read(&head.headers, body, bytes_max, self.config.header_timeout).await;
        let bytes = read.map_err(|error| match error {
            ReadError::TooLarge => Refusal::TooLarge,
            ReadError::TooSlow | ReadError::CutOff => Refusal::Malformed,
        })?;
        if !bytes.is_empty() && media_type != Some(body::MediaType::Form) {
            return Err(Refusal::MediaType);
        }
        form_of(&bytes).ok_or(Refusal::Malformed)
    }

    /// The page that says no, and what to do next.
    async fn refuse(&self, asked: &Asked<'_>, refusal: Refusal) -> Answer {
        refusal::answer(self, asked, refusal).await
    }

    fn page(&self, asked: &Asked<'_>) -> Page {
        Page::new(Arc::clone(&asked.language))
    }

    /// Whether a session of this device is open; asks nobody.
    fn is_online(&self, guest: &Guest) -> bool {
        self.engine.meters().of(guest.device).is_some()
    }
}

fn form_of(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    http::form::parse(bytes).ok()
}

/// The label of a request.
impl Found {
    fn page(&self) -> PortalPage {
        match self {
            Self::Elsewhere(_) => PortalPage::Elsewhere,
            Self::Asset(_) => PortalPage::Asset,
            Self::Get(target) | Self::Post(target) => match target {
                Target::Home => PortalPage::Home,
                Target::Login => PortalPage::Login,
                Target::Status => PortalPage::Status,
                Target::Logout => PortalPage::Logout,
                Target::Resume => PortalPage::Resume,
                Target::Terms => PortalPage::Terms,
                Target::Captive => PortalPage::Captive,
            },
            Self::NotAllowed(_) | Self::Nothing | Self::BadHost => PortalPage::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
