//! Secrets that are drawn here: access tokens, refresh tokens, and the secrets of API clients.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Denied;
use crate::store::TokenHash;

/// SHA-256 of a secret that is random, and therefore needs no slow hash.
pub(in crate::http) fn hash_of(secret: &str) -> TokenHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// 256 random bits in URL-safe letters, and their hash.
pub(in crate::http) fn draw_secret() -> Result<(Zeroizing<String>, TokenHash), Denied> {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| {
        tracing::error!(%error, "the operating system gives no random numbers");
        Denied::Failed
    })?;
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_ref()));
    let hash = hash_of(&text);
    Ok((text, hash))
}
