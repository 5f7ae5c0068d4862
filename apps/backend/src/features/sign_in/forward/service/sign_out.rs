//! Signing out of an application, and with it everywhere in this browser.

use countersign_store::StoreError;
use http::HeaderMap;

use super::Forward;
use crate::core::caller::Caller;
use crate::core::request_info::RequestInfo;
use crate::features::sign_in::forward::place::Place;

impl Forward {
    /// Ends a browser's session, if it has one.
    pub async fn sign_out(&self, place: &Place, headers: &HeaderMap, request: RequestInfo) -> Result<(), StoreError> {
        let Some(who) = self.browsers.find_at(&place.origin, headers).await? else {
            return Ok(());
        };
        let caller = Caller::account(who.account.id, request);
        self.auth.logout(who.session_ref(), &caller).await
    }
}
