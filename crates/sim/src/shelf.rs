//! An engine whose one thing is always in exactly one of two places, and a row that says in which: whoever reads both rows as
//! they were at one moment finds it.
use kw_engine::{Cx, Engine, Fault, Mount, Nothing, Routes, Txn, View};

/// The engine.
pub struct Shelf(Routes);

const SIGN: &str = "sign";

impl Shelf {
    pub fn new() -> Self {
        let bring = async |_: &Cx<'_>, txn: Txn<'_>, _: Nothing| {
            let from = txn.view().get::<String>(SIGN).await?.unwrap_or_default();
            let to = if from == "left" { "right" } else { "left" };
            txn.delete(&from);
            txn.put(to, "thing")?;
            txn.put(SIGN, to)
        };
        let look = async |_: &Cx<'_>, view: View<'_>, _: Nothing| seek(view).await;
        let look_to_write = async |_: &Cx<'_>, txn: Txn<'_>, _: Nothing| seek(txn.view()).await;
        Self(Routes::new().at("bring").write(bring).at("seek").read(look).write(look_to_write))
    }
}

async fn seek(view: View<'_>) -> Result<(), Fault> {
    let place = view.get::<String>(SIGN).await?.ok_or_else(Fault::not_found)?;
    view.get::<String>(&place).await?.map(|_| ()).ok_or_else(Fault::not_found)
}

impl Engine for Shelf {
    fn kind(&self) -> &'static str {
        "shelf"
    }

    fn doc(&self) -> &'static str {
        ""
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.0
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.0)]
    }
}
