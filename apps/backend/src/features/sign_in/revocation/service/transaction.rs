//! Transactions that end sessions. The same call announces their revocations after the commit.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use countersign_store::{Conn, StoreError, Tx, Work};

use super::{Bit, Revocations};
use crate::core::clock::Timestamp;
use crate::features::sign_in::revocation::store;

/// A [`Tx`] in which sessions may end. Only [`Revocations::transact`] opens one.
///
/// `'env` is the lifetime of the values captured by the closure; see [`Scoped`](countersign_store::Scoped).
pub struct RevokingTx<'a, 't, 'env> {
    tx: &'a mut Tx<'t>,
    revoked: Vec<Bit>,
    env: PhantomData<&'t &'env ()>,
}

impl Revocations {
    /// Runs `work` in a transaction like [`Db::transact`](countersign_store::Db::transact), and announces its revocations after
    /// the commit. Nothing else revokes, so no caller can forget to announce.
    ///
    /// # Errors
    /// Any error of `work` or of the transaction; then nothing was revoked.
    pub async fn transact<'env, T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'c, 'a, 't> Fn(&'c mut RevokingTx<'a, 't, 'env>) -> Work<'c, T, E> + Sync,
        E: From<StoreError>,
    {
        let work = &work;
        let (value, revoked) = self
            .0
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let mut tx = RevokingTx {
                        tx,
                        revoked: Vec::new(),
                        env: PhantomData,
                    };
                    let value = work(&mut tx).await?;
                    Ok::<_, E>((value, tx.revoked))
                })
            })
            .await?;
        self.announce(&revoked).await;
        Ok(value)
    }
}

impl RevokingTx<'_, '_, '_> {
    /// Sets the bits of sessions that end in this transaction.
    pub async fn revoke(&mut self, bits: Vec<Bit>, now: Timestamp) -> Result<(), StoreError> {
        for bit in &bits {
            store::insert(self.tx, *bit, now).await?;
        }
        self.revoked.extend(bits);
        Ok(())
    }
}

impl<'t> Deref for RevokingTx<'_, 't, '_> {
    type Target = Tx<'t>;

    fn deref(&self) -> &Tx<'t> {
        self.tx
    }
}

impl<'t> DerefMut for RevokingTx<'_, 't, '_> {
    fn deref_mut(&mut self) -> &mut Tx<'t> {
        self.tx
    }
}

impl<'c> From<&'c mut RevokingTx<'_, '_, '_>> for Conn<'c> {
    fn from(tx: &'c mut RevokingTx<'_, '_, '_>) -> Self {
        Self::from(&mut *tx.tx)
    }
}
