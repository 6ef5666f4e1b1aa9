use super::{Place, note};
use crate::{Named, Record, Repository};
use labd_protocol::{ErrorCode, SourceId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thing {
    id: SourceId,
    name: String,
    size: u32,
}

impl Record for Thing {
    const KIND: &'static str = "thing";
}

impl Named for Thing {
    const WHAT: &'static str = "thing";
    type Id = SourceId;
    fn id(&self) -> SourceId {
        self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

fn thing(name: &str) -> Thing {
    Thing {
        id: SourceId::generate(),
        name: name.into(),
        size: 1,
    }
}

#[tokio::test]
async fn a_name_belongs_to_one_record_only() {
    let place = Place::new();
    let things = Repository::<Thing>::new(place.open().await);
    let (shop, bank) = (thing("shop"), thing("bank"));
    things.add(&shop).await.unwrap();
    things.add(&bank).await.unwrap();
    let twice = things.add(&thing("shop")).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::Conflict);
    let rename = |name: &'static str| {
        things.change(bank.id, move |record| {
            record.name = name.into();
            Ok(())
        })
    };
    assert_eq!(rename("shop").await.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(rename("bank").await.unwrap().name, "bank");
    // Both may be of the same millisecond.
    let mut both = [shop, bank];
    both.sort_by_key(|thing| thing.id.to_string());
    assert_eq!(things.all().unwrap(), both);
}

#[tokio::test]
async fn changes_made_at_once_are_all_kept_and_nothing_removed_comes_back() {
    let place = Place::new();
    let things = Repository::<Thing>::new(place.open().await);
    let shop = thing("shop");
    things.add(&shop).await.unwrap();
    let grow = || {
        things.change(shop.id, |record| {
            record.size += 1;
            Ok(())
        })
    };
    let (one, other) = tokio::join!(grow(), grow());
    assert_eq!(one.unwrap().size + other.unwrap().size, 2 + 3);

    things
        .remove_with(shop.id, |batch| {
            batch.put("kept", &note("farewell"))?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(grow().await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(things.all().unwrap(), []);
}
