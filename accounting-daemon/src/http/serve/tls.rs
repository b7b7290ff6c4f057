//! TLS: a certificate and its key, read again when their files change.
//!
//! Connections keep the certificate they began with. What does not fit is named in the log, and the certificate before it
//! stays.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{net::TcpStream, time::MissedTickBehavior};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    server::TlsStream,
};

use crate::config::TlsConfig;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The largest certificate or key file in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "{path} cannot be read: {source}: correct `certificate` and `key`, or let the daemon's user read it"
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "{0} holds no certificate in PEM: name the file with the chain, the server's own certificate first"
    )]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{0} holds no private key in PEM: name the file with the key, without a passphrase")]
    NoKey(PathBuf),
    /// They do not belong together, or are of a kind that is not known.
    #[error("{certificate} and {key} cannot be used: {source}: make both anew, together")]
    Refused {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// TLS as a server, with the certificate of the moment. Clones share it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

/// The certificate that new connections get.
struct Current {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    certified: RwLock<Arc<CertifiedKey>>,
    /// What was looked at last, whether it could be used or not.
    seen: Mutex<Option<Pem>>,
}

/// Both files.
#[derive(PartialEq, Eq)]
struct Pem {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: &TlsConfig) -> Result<Self, TlsError> {
        // Named, not taken from the process: a second provider somewhere among the dependencies would make it panic.
        let provider = Arc::new(ring::default_provider());
        let pem = Pem::read(files)?;
        let certified = pem.certify(files, &provider)?;
        let refused = |source| TlsError::Refused {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let current = Arc::new(Current {
            files: files.clone(),
            provider,
            certified: RwLock::new(Arc::new(certified)),
            seen: Mutex::new(Some(pem)),
        });
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            current,
        })
    }

    /// The handshake.
    ///
    /// # Errors
    /// It failed, or the other end has gone.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Looks at the files now and then; never ends.
    pub async fn keep_current(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let current = Arc::clone(&self.current);
            let looked = tokio::task::spawn_blocking(move || current.look()).await;
            match looked {
                Ok(Ok(true)) => {
                    let path = self.current.files.certificate.display().to_string();
                    tracing::info!(certificate = path, "the certificate was read anew");
                }
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the new certificate is not used; the one before it stays");
                }
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.current).finish()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Current {
    /// Takes the files if they have changed; says whether it did. Each content is complained about once.
    fn look(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pem = match Pem::read(&self.files) {
            Ok(pem) => pem,
            // Between two names a file may be gone for a moment; said once.
            Err(error) => {
                return if seen.take().is_some() {
                    Err(error)
                } else {
                    Ok(false)
                };
            }
        };
        if seen.as_ref() == Some(&pem) {
            return Ok(false);
        }
        let certified = pem.certify(&self.files, &self.provider);
        *seen = Some(pem);
        let certified = Arc::new(certified?);
        *self.certified.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(true)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certified = self.certified.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&certified))
    }
}

impl Pem {
    fn read(files: &TlsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?.into(),
        })
    }

    fn certify(&self, files: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| TlsError::NoCertificate(files.certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey(files.key.clone()))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Refused {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let unreadable = |source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    let read = file
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(unreadable(io::Error::other("it is larger than 1 MiB")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
