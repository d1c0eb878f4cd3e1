//! Whether a request belongs to the connection it names.

use parlor_dialects::engineio::Refusal;

use super::{Client, ClientKey};
use crate::hub::Hub;
use crate::sockets::{Claim, Declined, Sid};

impl Hub {
    /// Finds the connection of that name, if whoever asks is who it belongs to: its id is a secret,
    /// and a token that comes with a request must be that of the person behind the connection.
    pub(super) fn claimed(
        &mut self,
        sid: Sid,
        claim: Claim,
    ) -> Result<(ClientKey, &mut Client), Declined> {
        let unknown = Declined::Refused(Refusal::UnknownSession);
        let key = *self.clients.by_sid.get(&sid).ok_or(unknown)?;
        let client = self.clients.all.get_mut(key).ok_or(unknown)?;
        if claim.token_hash == client.claim.token_hash {
            return Ok((key, client));
        }
        let asks = match (claim.token_hash, &claim.user) {
            // It had a token before.
            (None, _) => return Err(unknown),
            (Some(_), None) => return Err(Declined::WhoIsIt),
            (Some(_), Some(user)) => user,
        };
        let proved = client.speech.who.as_ref().map(|verified| &verified.who.user_id);
        let named = client.identity.as_ref().map(|verified| &verified.who.user_id);
        if proved.or(named).is_some_and(|owner| owner != asks) {
            return Err(unknown);
        }
        client.claim = claim;
        Ok((key, client))
    }
}
