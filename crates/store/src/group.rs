//! Grouped writes: what waits while one transaction commits goes into the next one together.
//!
//! One task owns the queue. It takes what is there, writes it in one transaction and answers
//! after the commit. If the database refuses the batch, each operation is tried again behind a
//! savepoint of its own, so that a bad one fails alone.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::StoreError;
use crate::connect::begin;

/// Operations that may wait; further callers wait for a place.
const WAITING: usize = 4_096;
/// Operations in one transaction at most.
const BATCH: usize = 512;

/// After a transaction of so many operations the next begins no sooner than [`GATHER`] after it: a
/// commit costs as much as some twenty rows, most of it in waking threads and in the disk. Fewer
/// come from somebody who waits alone, and more gather by themselves.
const GATHERED: std::ops::Range<usize> = 4..64;
/// See [`GATHERED`].
const GATHER: Duration = Duration::from_millis(5);

/// Something that can be written together with others of its kind.
pub(crate) trait Grouped: Send + Sync + 'static {
    /// What the caller is told after the commit.
    type Answer: Send + 'static;

    /// Writes all operations, in order, and returns an answer for each.
    ///
    /// An operation that is found wanting before anything of it was written is answered with an
    /// error of its own. An `Err` for the whole means that the database refused something: the
    /// transaction is rolled back.
    fn write(
        operations: &[&Self],
        transaction: &DatabaseTransaction,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, StoreError>>, StoreError>> + Send;
}

type Reply<O> = oneshot::Sender<Result<<O as Grouped>::Answer, StoreError>>;

/// The queue before one writer task.
pub(crate) struct Group<O: Grouped> {
    waiting: mpsc::Sender<(O, Reply<O>)>,
}

impl<O: Grouped> Group<O> {
    /// Starts the writer; it ends when the group is dropped and what waits is written.
    pub(crate) fn spawn(connection: DatabaseConnection) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING);
        tokio::spawn(run(connection, queue));
        Self { waiting }
    }

    /// Writes the operation with whatever else waits; it is on disk when this returns.
    pub(crate) async fn write(&self, operation: O) -> Result<O::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.waiting.send((operation, reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable(sea_orm::DbErr::Custom("the writer has stopped".into()))
}

async fn run<O: Grouped>(connection: DatabaseConnection, mut queue: mpsc::Receiver<(O, Reply<O>)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let begun = Instant::now();
        let operations: Vec<&O> = batch.iter().map(|(operation, _)| operation).collect();
        let gathers = GATHERED.contains(&operations.len());
        let answers = write_batch(&operations, &connection).await;
        for ((_, reply), answer) in batch.drain(..).zip(answers) {
            // A caller that went away does not want to know; its operation is written all the same.
            let _ = reply.send(answer);
        }
        if gathers {
            tokio::time::sleep_until(begun + GATHER).await;
        }
    }
}

async fn write_batch<O: Grouped>(
    operations: &[&O],
    connection: &DatabaseConnection,
) -> Vec<Result<O::Answer, StoreError>> {
    match write_together(operations, connection).await {
        Ok(answers) => answers,
        // The commit may have happened although its answer was lost: trying again could only lie.
        Err(error @ StoreError::Unavailable(_)) => refuse_all(operations, &error),
        Err(error) if operations.len() == 1 => vec![Err(error)],
        Err(error) => {
            let count = operations.len();
            tracing::debug!(count, %error, "a batch was refused, its operations are tried singly");
            match write_one_by_one(operations, connection).await {
                Ok(answers) => answers,
                Err(error) => refuse_all(operations, &error),
            }
        }
    }
}

fn refuse_all<O: Grouped>(
    operations: &[&O],
    error: &StoreError,
) -> Vec<Result<O::Answer, StoreError>> {
    operations.iter().map(|_| Err(error.clone())).collect()
}

async fn write_together<O: Grouped>(
    operations: &[&O],
    connection: &DatabaseConnection,
) -> Result<Vec<Result<O::Answer, StoreError>>, StoreError> {
    let transaction = begin(connection).await?;
    let answers = O::write(operations, &transaction).await?;
    transaction.commit().await?;
    Ok(answers)
}

async fn write_one_by_one<O: Grouped>(
    operations: &[&O],
    connection: &DatabaseConnection,
) -> Result<Vec<Result<O::Answer, StoreError>>, StoreError> {
    let transaction = begin(connection).await?;
    let mut answers = Vec::with_capacity(operations.len());
    for operation in operations {
        let savepoint = transaction.begin().await?;
        match O::write(&[operation], &savepoint).await {
            Ok(answer) => {
                savepoint.commit().await?;
                answers.extend(answer);
            }
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(error) => {
                savepoint.rollback().await?;
                answers.push(Err(error));
            }
        }
    }
    transaction.commit().await?;
    Ok(answers)
}
