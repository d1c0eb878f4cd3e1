//! Direct messages over HTTP: at the root as earlier clients know them, and under
//! `/api/v1/direct` what is ours.

mod contacts;
mod conversations;
mod export;
mod messages;
mod people;
mod requests;
mod shapes;

pub use export::exported;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use parlor_protocol::{ClerkId, Code};
use parlor_store::DirectPerson;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::answer::{Refused, is_route_of_earlier_systems};
use super::peer::Peer;
use super::who::identify;
use crate::app::App;
use crate::config::Config;

/// Where an older client says who it is.
pub const CLAIM: &str = "x-clerk-id";
/// What such a client expects to be told when it is nobody.
const MISSING: &str = "Missing Clerk ID";

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(people::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(messages::routes())
        .merge(requests::routes())
}

/// Whoever sends a request, as direct messages know them: never a guest.
struct Own(DirectPerson);

impl FromRequestParts<App> for Own {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let is_earlier = is_route_of_earlier_systems(parts.uri.path());
        let claim = claim(&parts.headers)?;
        let own = match identify(app, &parts.method, &parts.headers, None).await {
            Ok(verified) => app.direct.own(&verified.who).await?,
            Err(Code::MissingToken) if is_earlier => {
                let peer = parts.extensions.get::<Peer>().ok_or(Code::Internal)?;
                let may_claim = is_trusted_to_claim(&app.config, *peer, &parts.headers);
                let claim = claim.as_ref().filter(|_| may_claim);
                trusted(app, claim, *peer, &parts.headers).await?
            }
            Err(code) => return Err(code.into()),
        };
        if let Some(claim) = claim {
            app.direct.is_own(&own, claim.as_str())?;
        }
        Ok(Self(own))
    }
}

/// Finds whom a request without a token claims to be, where that is taken on trust.
async fn trusted(
    app: &App,
    claim: Option<&ClerkId>,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<DirectPerson, Refused> {
    let missing = || Refused::because(Code::MissingToken, MISSING);
    let address = peer.client(&app.config, headers).into();
    let newcomer = || app.limits.guests.check(&address);
    match app.direct.trusted(claim.ok_or_else(missing)?, newcomer).await {
        Err(refused) if refused.code == Code::MissingToken => Err(missing()),
        outcome => outcome,
    }
}

/// Says whether what comes over a connection may name an external user without proof: where the
/// operator has said so, from a trusted proxy or from this machine. A proxy on this machine that
/// nobody declared trusted may speak for anybody, so what it passes on does not count.
pub fn is_trusted_to_claim(config: &Config, peer: Peer, headers: &HeaderMap) -> bool {
    let remote = peer.remote.ip().to_canonical();
    let is_passed_on = ["x-forwarded-for", "forwarded", "via", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name));
    config.insecure_trust_clerk_id
        && (config.trusts(remote) || (remote.is_loopback() && !is_passed_on))
}

/// Reads whom a request claims to come from.
fn claim(headers: &HeaderMap) -> Result<Option<ClerkId>, Refused> {
    let mut claims = headers.get_all(CLAIM).iter();
    let Some(claim) = claims.next() else { return Ok(None) };
    match claim.to_str() {
        Ok(text) if claims.next().is_none() => Ok(Some(ClerkId::from(text.trim()))),
        Ok(_) | Err(_) => Err(Refused::because(Code::MissingToken, MISSING)),
    }
}

/// A place in a list, as older clients ask for it: what is no number is as good as absent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    limit: Option<String>,
    offset: Option<String>,
    before: Option<String>,
}

impl Place {
    /// How much is asked for, within bounds.
    fn limit(&self, usual: u64, most: u64) -> u64 {
        number(self.limit.as_deref()).map_or(usual, |limit| limit.clamp(1, most as i64) as u64)
    }

    fn offset(&self) -> u64 {
        number(self.offset.as_deref()).map_or(0, |offset| offset.max(0) as u64)
    }

    fn before(&self) -> Option<i64> {
        number(self.before.as_deref())
    }
}

/// Reads a whole number; one that is too large is the largest there is.
fn number(text: Option<&str>) -> Option<i64> {
    let number = text?.trim().parse::<i128>().ok()?;
    Some(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_with_patience_and_kept_within_bounds() {
        let place = |limit: &str, offset: &str| Place {
            limit: Some(limit.into()),
            offset: Some(offset.into()),
            before: None,
        };
        assert_eq!(place("20", "5").limit(50, 200), 20);
        assert_eq!(place("0", "5").limit(50, 200), 1);
        assert_eq!(place("99999999999999999999999", "5").limit(50, 200), 200);
        assert_eq!(place("many", "5").limit(50, 200), 50);
        assert_eq!(place("1", "-5").offset(), 0);
        assert_eq!(place("1", "99999999999999999999999").offset(), i64::MAX as u64);
        assert_eq!(Place::default().before(), None);
    }
}
