//! Deliveries of a platform that pushes: read by what knows the platform, taken in by what knows the file.

use crate::clock::Timestamp;
use crate::model::{Delivery, Reject};
use crate::source::iqchannels;
use crate::store::{Body, Intake, Store, StoreError, TakenIn};

/// A body, and where it came from.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// As it came.
    pub body: Vec<u8>,
    /// Its file and line, such as `events.jsonl, line 17`; nothing if it was pushed.
    pub origin: Option<String>,
}

/// What became of parcels that came together.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// What they have changed.
    pub taken: TakenIn,
    /// Those of which nothing could be taken in, by their place, and why. They are among the rejects.
    pub refused: Vec<(usize, String)>,
}

/// How parcels are to be taken in.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The row in the books.
    pub run_id: i64,
    /// When they came.
    pub at: Timestamp,
    /// Whether the bodies are kept as they came.
    pub keep: bool,
}

/// Takes parcels in: all of them in one transaction, or, where one of them spoils that, each in its own. When this returns, all of it is in
/// the file.
///
/// # Errors
/// Whatever SQLite says. Some parcels may be in the file even then; they may all be sent again, for what is stored is not stored twice.
pub async fn take_in(
    store: &Store,
    parcels: &[Parcel],
    manner: Manner,
) -> Result<Receipt, StoreError> {
    match together(store, parcels, manner).await {
        Err(error) if is_of_a_parcel(&error) => one_by_one(store, parcels, manner).await,
        outcome => outcome,
    }
}

async fn together(
    store: &Store,
    parcels: &[Parcel],
    manner: Manner,
) -> Result<Receipt, StoreError> {
    let mut delivery = Delivery::default();
    let mut bodies = Vec::new();
    let mut refused = Vec::new();
    for (place, parcel) in parcels.iter().enumerate() {
        match iqchannels::read(&parcel.body) {
            Ok(mut read) => {
                if manner.keep {
                    bodies.push(Body {
                        event_id: read.last_event(),
                        body: text(parcel),
                    });
                }
                for reject in &mut read.rejects {
                    reject.why = placed(parcel, &reject.why);
                }
                delivery.add(read);
            }
            Err(why) => {
                delivery.rejects.push(reject(parcel, &why.to_string()));
                refused.push((place, why.to_string()));
            }
        }
    }
    let intake = intake(manner, delivery, bodies);
    let taken = store.take_in(intake).await?;
    Ok(Receipt { taken, refused })
}

/// One parcel that cannot be stored must not keep the others out.
async fn one_by_one(
    store: &Store,
    parcels: &[Parcel],
    manner: Manner,
) -> Result<Receipt, StoreError> {
    let mut receipt = Receipt::default();
    for (place, parcel) in parcels.iter().enumerate() {
        let single = match together(store, std::slice::from_ref(parcel), manner).await {
            Err(error) if is_of_a_parcel(&error) => {
                let why = format!("it could not be stored: {error}");
                let mut delivery = Delivery::default();
                delivery.rejects.push(reject(parcel, &why));
                let taken = store.take_in(intake(manner, delivery, Vec::new())).await?;
                Receipt {
                    taken,
                    refused: vec![(0, why)],
                }
            }
            outcome => outcome?,
        };
        receipt.taken = receipt.taken.and(single.taken);
        let refused = single.refused.into_iter().map(|(_, why)| (place, why));
        receipt.refused.extend(refused);
    }
    Ok(receipt)
}

/// Whether what was delivered is to blame, and not the file or the machine: those come again.
fn is_of_a_parcel(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(_) | StoreError::Ledger(_))
}

/// What a single body brings; what cannot be read is among the rejects.
pub(super) fn opened(body: &[u8], keep: bool) -> (Delivery, Vec<Body>) {
    let parcel = Parcel {
        body: body.to_vec(),
        origin: None,
    };
    match iqchannels::read(body) {
        Ok(delivery) => {
            let kept = keep.then(|| Body {
                event_id: delivery.last_event(),
                body: text(&parcel),
            });
            (delivery, kept.into_iter().collect())
        }
        Err(why) => {
            let mut delivery = Delivery::default();
            delivery.rejects.push(reject(&parcel, &why.to_string()));
            (delivery, Vec::new())
        }
    }
}

fn intake(manner: Manner, delivery: Delivery, bodies: Vec<Body>) -> Intake {
    Intake {
        run_id: manner.run_id,
        at: manner.at,
        delivery,
        bodies,
    }
}

fn reject(parcel: &Parcel, why: &str) -> Reject {
    Reject {
        item_id: None,
        raw: text(parcel),
        why: placed(parcel, why),
    }
}

fn placed(parcel: &Parcel, why: &str) -> String {
    match &parcel.origin {
        Some(origin) => format!("{origin}: {why}"),
        None => why.to_owned(),
    }
}

fn text(parcel: &Parcel) -> String {
    String::from_utf8_lossy(&parcel.body).into_owned()
}
