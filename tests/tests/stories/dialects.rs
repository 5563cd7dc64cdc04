//! What the vendor's pages leave open, in every reading.

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{
    DataCategoryForm, DataInfoForm, Envelope, NestedSignature, SandboxSettings,
};
use emberline_testkit::{Load, World};

const SIGNATURES: [NestedSignature; 3] =
    [NestedSignature::Json, NestedSignature::Flatten, NestedSignature::Omit];
const ENVELOPES: [Envelope; 3] = [Envelope::Response, Envelope::Code, Envelope::SilentCode];
const FORMS: [(DataInfoForm, DataCategoryForm); 4] = [
    (DataInfoForm::Array, DataCategoryForm::Number),
    (DataInfoForm::Array, DataCategoryForm::String),
    (DataInfoForm::Object, DataCategoryForm::Number),
    (DataInfoForm::Object, DataCategoryForm::String),
];

/// Every signature with every pair of forms. The envelopes go round with them, so that each
/// meets every signature: answers do not depend on the forms of what was asked.
pub(crate) async fn every_dialect(_: &mut World) -> Result<()> {
    for (turn, signature) in SIGNATURES.into_iter().enumerate() {
        let dialect = |place: usize| {
            let (data_info, data_category) = FORMS[place];
            spoken(SandboxSettings {
                nested_signature: vec![signature],
                data_info,
                data_category,
                envelope: ENVELOPES[(turn + place) % ENVELOPES.len()],
                ..SandboxSettings::default()
            })
        };
        tokio::try_join!(dialect(0), dialect(1))?;
        tokio::try_join!(dialect(2), dialect(3))?;
    }
    Ok(())
}

async fn spoken(service: SandboxSettings) -> Result<()> {
    let SandboxSettings { data_info, data_category, envelope, .. } = service;
    let signature = *service.nested_signature.first().context("no reading")?;
    let mut world = World::start(service).await?;
    for (key, value) in [
        ("service.nested_signature", signature.to_string()),
        ("service.data_info", data_info.to_string()),
        ("service.data_category", data_category.to_string()),
    ] {
        world.set(key, &format!("{value:?}"));
    }
    let mut load = Load::new(FleetPlan { devices: 12, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(100)).await?;
    world.tell(load.rest()).await?;
    let run = async {
        world.run_to_end().await?;
        let totals = world.sandbox.ledger().totals();
        ensure!(totals.rejected_calls == 0, "{} calls refused", totals.rejected_calls);
        world.judge(&load).is_exactly_once_in_order()
    };
    run.await.with_context(|| {
        let dialect = format!("{signature}, {data_info}, {data_category}, {envelope}");
        format!("{dialect}\n{}", world.account())
    })
}
