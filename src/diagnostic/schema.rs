//! Which form a JSON output has: every one says its name and version, in the same way. Depends on nothing.

use schemars::JsonSchema;
use serde::Serialize;

/// Name and version of a form of JSON output. Its JSON Schema is `docs/schemas/<form>.schema.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SchemaName")]
pub struct Schema {
    /// `meminterface.` and the form.
    pub name: &'static str,
    /// Goes up when a field changes its meaning or goes away.
    pub version: u32,
}

impl Schema {
    /// Control-flow graphs (`cfg`).
    pub const CFG: Self = Self::first("meminterface.cfg");
    /// What trimming a package gained (`debloat`).
    pub const DEBLOAT: Self = Self::first("meminterface.debloat");
    /// What was taken out of a package (`debloat`).
    pub const DEBLOAT_MANIFEST: Self = Self::first("meminterface.debloat-manifest");
    /// A formula and what was asked of it (`formula`).
    pub const FORMULA: Self = Self::first("meminterface.formula");
    /// The handlers of a project (`handlers`).
    pub const HANDLERS: Self = Self::first("meminterface.handlers");
    /// The memory interface of one handler (`extract`).
    pub const INTERFACE: Self = Self::first("meminterface.interface");
    /// What each import of a handler costs (`measure --imports`).
    pub const IMPORTS: Self = Self::first("meminterface.imports");
    /// What a run of a handler needed (`measure`).
    pub const MEASURE: Self = Self::first("meminterface.measure");
    /// The memory setting to deploy with (`recommend`).
    pub const RECOMMEND: Self = Self::first("meminterface.recommend");
    /// What a handler needs for an event or a workload (`predict`).
    pub const PREDICTION: Self = Self::first("meminterface.prediction");
    /// Several of them (`predict`).
    pub const PREDICTIONS: Self = Self::first("meminterface.predictions");
    /// Several of them (`recommend`).
    pub const RECOMMENDATIONS: Self = Self::first("meminterface.recommendations");
    /// A recommendation put to the proof (`validate`).
    pub const VALIDATE: Self = Self::first("meminterface.validate");
    /// The memory interfaces of several handlers (`extract`).
    pub const INTERFACES: Self = Self::first("meminterface.interfaces");

    /// The functions of a project at one time (`check --write-state`).
    pub const STATE: Self = Self::first("meminterface.state");
    /// Budgets, and what changed (`check`).
    pub const CHECK: Self = Self::first("meminterface.check");
    /// The memory of a marketplace's functions (`listing`).
    pub const LISTING: Self = Self::first("meminterface.listing");
    /// Several listings side by side (`listing compare`).
    pub const COMPARISON: Self = Self::first("meminterface.comparison");

    const fn first(name: &'static str) -> Self {
        Self { name, version: 1 }
    }
}
