//! The table `object_versions`: what is known of objects, and what deliveries add to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::SqliteConnection;

use super::versions::{Version, Whole, merged, news, whole, without_deed};
use crate::model::{Sighting, Thing};
use crate::store::StoreError;

/// What an object is, and its id.
pub(super) type Name = (Thing, String);

/// Objects at hand, as all their versions tell them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    versions: BTreeMap<Name, Vec<Version>>,
    changed: BTreeSet<Name>,
}

#[derive(Serialize)]
struct VersionsRow<'a> {
    object: &'a str,
    id: &'a str,
    versions: String,
}

impl Objects {
    /// Takes in what was seen; `also`: objects that shall be at hand beside it. `withdrawn`: events that are not believed any more.
    pub(super) async fn see(
        connection: &mut SqliteConnection,
        sightings: Vec<Sighting>,
        also: &BTreeSet<Name>,
        withdrawn: &[i64],
    ) -> Result<Self, StoreError> {
        let mut seen: BTreeMap<Name, Vec<Version>> = BTreeMap::new();
        for sighting in sightings {
            let name = (sighting.thing, sighting.id.clone());
            seen.entry(name).or_default().push(sighting.into());
        }
        let undone = undone(connection, withdrawn).await?;
        let names = seen
            .keys()
            .chain(also)
            .chain(undone.iter().map(|(name, _)| name));
        let mut objects = Self {
            versions: load(connection, names).await?,
            changed: BTreeSet::new(),
        };
        for (name, event) in undone {
            let known = objects.versions.remove(&name).unwrap_or_default();
            let left = match name.0 {
                Thing::Deed => Vec::new(),
                _ => without_deed(known, event),
            };
            objects.changed.insert(name.clone());
            objects.versions.insert(name, left);
        }
        for (name, seen) in seen {
            let known = objects.versions.get(&name).cloned().unwrap_or_default();
            let now = merged(known.clone(), news(&known, seen));
            if now != known {
                objects.changed.insert(name.clone());
            }
            objects.versions.insert(name, now);
        }
        Ok(objects)
    }

    /// The object, if it was ever shown.
    pub(super) fn whole(&self, thing: Thing, id: &str) -> Option<Whole> {
        let versions = self.versions.get(&(thing, id.to_owned()))?;
        (!versions.is_empty()).then(|| whole(versions))
    }

    /// Ids of those things of which something new was seen.
    pub(super) fn changed(&self, thing: Thing) -> impl Iterator<Item = &str> {
        self.changed
            .iter()
            .filter(move |(other, _)| *other == thing)
            .map(|(_, id)| id.as_str())
    }

    /// Writes what is new.
    pub(super) async fn save(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for name in &self.changed {
            if self.versions[name].is_empty() {
                forget(connection, name).await?;
                continue;
            }
            rows.push(VersionsRow {
                object: name.0.word(),
                id: &name.1,
                versions: serde_json::to_string(&self.versions[name])?,
            });
        }
        if rows.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(&rows)?;
        sqlx::query!(
            "insert into object_versions (object, id, versions)
             select value->>'object', value->>'id', value->>'versions'
             from json_each(?1)
             where true
             on conflict (object, id) do update set versions = excluded.versions",
            rows
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// What events have done that are not believed any more, each with its event.
async fn undone(
    connection: &mut SqliteConnection,
    events: &[i64],
) -> Result<Vec<(Name, i64)>, StoreError> {
    let deeds: Vec<Name> = events
        .iter()
        .map(|id| (Thing::Deed, id.to_string()))
        .collect();
    let known = load(connection, deeds.iter()).await?;
    let mut undone = Vec::new();
    for (event, deed) in events.iter().zip(deeds) {
        let versions = known.get(&deed).map(Vec::as_slice).unwrap_or_default();
        for key in whole(versions).keys.keys() {
            if let Some(message) = key.strip_prefix("message/") {
                undone.push(((Thing::Message, message.to_owned()), *event));
            }
        }
        undone.push((deed, *event));
    }
    Ok(undone)
}

async fn forget(connection: &mut SqliteConnection, name: &Name) -> Result<(), StoreError> {
    let (object, id) = (name.0.word(), &name.1);
    sqlx::query!(
        "delete from object_versions where object = ?1 and id = ?2",
        object,
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn load(
    connection: &mut SqliteConnection,
    names: impl Iterator<Item = &Name>,
) -> Result<BTreeMap<Name, Vec<Version>>, StoreError> {
    let names: BTreeMap<(&str, &str), &Name> = names
        .map(|name| ((name.0.word(), name.1.as_str()), name))
        .collect();
    let asked: Vec<&(&str, &str)> = names.keys().collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = serde_json::to_string(&asked)?;
    let rows = sqlx::query!(
        r#"select object as "object!: String", id as "id!: String", versions as "versions!: String"
         from object_versions
         where (object, id) in (select value->>0, value->>1 from json_each(?1))"#,
        asked
    )
    .fetch_all(connection)
    .await?;
    let mut known = BTreeMap::new();
    for row in rows {
        if let Some(name) = names.get(&(row.object.as_str(), row.id.as_str())) {
            known.insert((*name).clone(), serde_json::from_str(&row.versions)?);
        }
    }
    Ok(known)
}
