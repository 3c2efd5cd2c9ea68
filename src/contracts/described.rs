//! Arguments that are described in JSON: for tools that try contracts out, `interfaces/check.py` for one.
//!
//! ```json
//! {"callable": "numpy.ndarray.sum", "self": {"kind": "numpy.ndarray", "shape": [100, "n"], "texts": {"dtype": "float64"}},
//!  "positional": [{"value": 0}], "keywords": {"keepdims": {"value": true}}, "values": {"n": 1000}}
//! ```
//!
//! Depends on `formula` and `expression`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{Applied, Arguments, Content, Contract, Contracts, Parameters, ResultValue, Text};
use crate::expression::Value;
use crate::formula::{Environment, Formula};

/// A described argument.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    /// Its kind; by default that of the value.
    pub kind: Option<Text>,
    /// Its value, where that is known.
    pub value: Option<Value>,
    /// What it is called, if it is a thing of a library.
    pub reference: Option<Text>,
    /// The value of a number, as a formula.
    pub number: Option<Formula>,
    /// Its sizes.
    pub features: BTreeMap<Text, Formula>,
    /// Features that are texts.
    pub texts: BTreeMap<Text, Text>,
    /// The shape of an array.
    pub shape: Option<Vec<Formula>>,
    /// Items of a container. The last one stands for all that follow.
    pub items: Vec<Described>,
}

/// A described call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedCall {
    /// What is called, by the name of its contract.
    pub callable: String,
    /// Receiver of a method.
    pub receiver: Option<Described>,
    /// Arguments by position.
    pub positional: Vec<Described>,
    /// Arguments by name.
    pub keywords: BTreeMap<Text, Described>,
    /// Values of symbols, to evaluate the formulas with.
    pub values: BTreeMap<Text, Formula>,
}

/// A call's arguments by parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bound(BTreeMap<Text, Described>);

fn formula(json: &Json) -> Result<Formula, String> {
    match json {
        Json::Number(number) => Formula::parse(&number.to_string()),
        Json::String(text) => Formula::parse_permissive(text),
        other => return Err(format!("a number or a formula is expected, not {other}")),
    }
    .map_err(|error| error.to_string())
}

fn formulas(json: Option<&Json>) -> Result<BTreeMap<Text, Formula>, String> {
    match json {
        None => Ok(BTreeMap::new()),
        Some(Json::Object(members)) => {
            members.iter().map(|(name, value)| Ok((Text::from(name.as_str()), formula(value)?))).collect()
        }
        Some(other) => Err(format!("an object of sizes is expected, not {other}")),
    }
}

fn text(json: &Json) -> Result<Text, String> {
    json.as_str().map(Text::from).ok_or_else(|| format!("a text is expected, not {json}"))
}

impl Described {
    /// Reads a description.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn read(json: &Json) -> Result<Self, String> {
        let Json::Object(members) = json else { return Err(format!("an argument is an object, not {json}")) };
        let list = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Json::Array(items)) => Ok(Some(items)),
            Some(other) => Err(format!("`{name}` is a list, not {other}")),
        };
        if let Some(name) = members.keys().find(|name| !ARGUMENT.contains(&name.as_str())) {
            return Err(format!("`{name}` is nothing that an argument has: {}", ARGUMENT.join(", ")));
        }
        let texts = match members.get("texts") {
            None => BTreeMap::new(),
            Some(Json::Object(texts)) => {
                let pair = |(name, value): (&String, &Json)| Ok((Text::from(name.as_str()), text(value)?));
                texts.iter().map(pair).collect::<Result<_, String>>()?
            }
            Some(other) => return Err(format!("`texts` is an object, not {other}")),
        };
        Ok(Self {
            kind: members.get("kind").map(text).transpose()?,
            value: members.get("value").map(Value::from_json),
            reference: members.get("reference").map(text).transpose()?,
            number: members.get("number").map(formula).transpose()?,
            features: formulas(members.get("features"))?,
            texts,
            shape: list("shape")?.map(|shape| shape.iter().map(formula).collect()).transpose()?,
            items: list("items")?.into_iter().flatten().map(Self::read).collect::<Result<_, _>>()?,
        })
    }
}

const ARGUMENT: &[&str] = &["kind", "value", "reference", "number", "features", "texts", "shape", "items"];
const CALL: &[&str] = &["callable", "self", "positional", "keywords", "values"];

impl DescribedCall {
    /// Reads a call.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn read(json: &Json) -> Result<Self, String> {
        let Json::Object(members) = json else { return Err(format!("a call is an object, not {json}")) };
        if let Some(name) = members.keys().find(|name| !CALL.contains(&name.as_str())) {
            return Err(format!("`{name}` is nothing that a call has: {}", CALL.join(", ")));
        }
        let callable =
            members.get("callable").and_then(Json::as_str).ok_or("`callable` is missing: a qualified name")?;
        let positional = match members.get("positional") {
            None => Vec::new(),
            Some(Json::Array(items)) => items.iter().map(Described::read).collect::<Result<_, _>>()?,
            Some(other) => return Err(format!("`positional` is a list, not {other}")),
        };
        let keywords = match members.get("keywords") {
            None => BTreeMap::new(),
            Some(Json::Object(items)) => items
                .iter()
                .map(|(name, value)| Ok((Text::from(name.as_str()), Described::read(value)?)))
                .collect::<Result<_, String>>()?,
            Some(other) => return Err(format!("`keywords` is an object, not {other}")),
        };
        Ok(Self {
            callable: callable.to_owned(),
            receiver: members.get("self").map(Described::read).transpose()?,
            positional,
            keywords,
            values: formulas(members.get("values"))?,
        })
    }

    /// Binds the arguments to parameters.
    ///
    /// # Errors
    /// The argument that goes nowhere.
    pub fn bind(&self, parameters: &Parameters) -> Result<Bound, String> {
        let mut bound = BTreeMap::new();
        if let Some(receiver) = &self.receiver {
            bound.insert(Text::from("self"), receiver.clone());
        }
        for (n, argument) in self.positional.iter().enumerate() {
            let (parameter, path) = parameters
                .positional(n)
                .ok_or_else(|| format!("{} takes no positional argument {}", self.callable, n + 1))?;
            if path == parameter.name {
                bound.insert(path, argument.clone());
            } else {
                let rest: &mut Described = bound.entry(parameter.name.clone()).or_default();
                rest.items.push(argument.clone());
            }
        }
        for (name, argument) in &self.keywords {
            let parameter =
                parameters.keyword(name).ok_or_else(|| format!("{} takes no keyword `{name}`", self.callable))?;
            if parameter.name == *name || bound.contains_key(name) {
                bound.insert(name.clone(), argument.clone());
            }
        }
        Ok(Bound(bound))
    }

    /// What the contract says of the call, as JSON. `null` where there is no contract.
    ///
    /// # Errors
    /// The argument that goes nowhere.
    pub fn report(&self, contracts: &Contracts) -> Result<Json, String> {
        let Some(parameters) = contracts.parameters(&self.callable) else { return Ok(Json::Null) };
        let bound = self.bind(parameters)?;
        let Some(found) = contracts.find(&self.callable, &bound) else { return Ok(Json::Null) };
        let applied = found.apply(&bound);
        Ok(report(&applied, &self.values))
    }

    /// The entry that speaks of the call.
    pub fn matched<'c>(&self, contracts: &'c Contracts) -> Option<&'c Contract> {
        let bound = self.bind(contracts.parameters(&self.callable)?).ok()?;
        Some(contracts.find(&self.callable, &bound)?.contract)
    }
}

impl Bound {
    fn at(&self, path: &str) -> Option<&Described> {
        let mut parts = path.split('[');
        let mut found = self.0.get(parts.next()?)?;
        for part in parts {
            let index = part.strip_suffix(']')?;
            found = match index.parse::<usize>() {
                Ok(index) => found.items.get(index)?,
                Err(_) => found.items.last()?,
            };
        }
        Some(found)
    }
}

impl Arguments for Bound {
    fn kind(&self, path: &str) -> Option<Text> {
        let found = self.at(path)?;
        found.kind.clone().or_else(|| found.value.as_ref().map(|value| Text::from(value.type_name())))
    }

    fn given(&self, parameter: &str) -> bool {
        self.at(parameter).is_some()
    }

    fn literal(&self, path: &str) -> Option<Value> {
        self.at(path)?.value.clone()
    }

    fn reference(&self, path: &str) -> Option<Text> {
        self.at(path)?.reference.clone()
    }

    fn number(&self, path: &str) -> Option<Formula> {
        let found = self.at(path)?;
        found.number.clone().or_else(|| match &found.value {
            Some(Value::Int(number)) => Some(Formula::integer(number.clone())),
            Some(Value::Float(number)) => Formula::parse(&number.to_string()).ok(),
            _ => None,
        })
    }

    fn feature(&self, path: &str, feature: &str) -> Option<Formula> {
        let found = self.at(path)?;
        found
            .features
            .get(feature)
            .cloned()
            .or_else(|| (feature == "length" && !found.items.is_empty()).then(|| Formula::integer(found.items.len())))
    }

    fn text(&self, path: &str, feature: &str) -> Option<Text> {
        self.at(path)?.texts.get(feature).cloned()
    }

    fn shape(&self, path: &str) -> Option<Vec<Formula>> {
        self.at(path)?.shape.clone()
    }
}

fn number(formula: &Formula, values: &Environment) -> Json {
    match formula.evaluate(values) {
        Ok(value) => serde_json::from_str(&value.ceil().to_integer().to_string()).unwrap_or(Json::Null),
        Err(_) => Json::Null,
    }
}

/// What a call does, as JSON. Amounts are `{"formula", "bytes"}`; `bytes` is null where a symbol has no value.
pub fn report(applied: &Applied, values: &BTreeMap<Text, Formula>) -> Json {
    let values: Environment =
        values.iter().filter_map(|(name, formula)| Some((name.clone(), formula.as_number()?.clone()))).collect();
    let amount = |formula: &Formula| json!({"formula": formula.to_string(), "bytes": number(formula, &values)});
    let effects: Vec<Json> = applied
        .effects
        .iter()
        .map(|effect| {
            let set: Map<String, Json> =
                effect.set.iter().map(|(name, value)| (name.to_string(), amount(value))).collect();
            json!({"path": &*effect.path, "grow": amount(&effect.grow), "touched": amount(&effect.touched), "set": set,
                   "release": effect.release, "holds": texts(&effect.holds)})
        })
        .collect();
    let missing: Vec<&str> = applied.missing.iter().map(|missing| &*missing.symbol).collect();
    let externals: Vec<Json> = applied
        .externals
        .iter()
        .map(|external| {
            json!({"symbol": &*external.symbol, "meaning": &*external.meaning, "event": texts(&external.event)})
        })
        .collect();
    let calls: Vec<Json> = applied
        .calls
        .iter()
        .map(|callback| {
            json!({"parameter": &*callback.parameter, "times": callback.times.as_ref().map(&amount),
                   "concurrency": amount(&callback.concurrency), "processes": callback.processes})
        })
        .collect();
    json!({
        "demand": amount(&applied.demand),
        "peak": amount(&applied.peak),
        "resident_peak": amount(&applied.resident_peak),
        "retained": amount(&applied.retained),
        "result": result(&applied.result, &values),
        "result_bytes": amount(&applied.result.total()),
        "effects": effects,
        "missing": missing,
        "externals": externals,
        "raises": texts(&applied.raises),
        "calls": calls,
    })
}

fn texts(list: &[Text]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

fn result(value: &ResultValue, values: &Environment) -> Json {
    let amount = |formula: &Formula| json!({"formula": formula.to_string(), "bytes": number(formula, values)});
    match value {
        ResultValue::None => Json::Null,
        ResultValue::Unknown => json!({"unknown": true}),
        ResultValue::Number { kind, value } => json!({"kind": &**kind, "value": value.as_ref().map(amount)}),
        ResultValue::Argument(path) => json!({"argument": &**path}),
        ResultValue::Object(object) => {
            let features: Map<String, Json> =
                object.features.iter().map(|(name, value)| (name.to_string(), amount(value))).collect();
            let own: Map<String, Json> =
                object.texts.iter().map(|(name, text)| (name.to_string(), Json::from(&**text))).collect();
            let content = match &object.content {
                Content::Opaque => Json::Null,
                Content::Items(items) => Json::Array(items.iter().map(|item| result(item, values)).collect()),
                Content::Many { length, item } => json!({"length": amount(length), "item": result(item, values)}),
                Content::Keys(items) => {
                    Json::Object(items.iter().map(|(key, item)| (key.to_string(), result(item, values))).collect())
                }
            };
            json!({
                "kind": &*object.kind,
                "view_of": object.view_of.as_deref(),
                "holds": texts(&object.holds),
                "features": features,
                "texts": own,
                "shape": object.shape.as_ref().map(|shape| shape.iter().map(amount).collect::<Vec<_>>()),
                "bytes": amount(&object.bytes),
                "touched": amount(&object.touched),
                "content": content,
            })
        }
    }
}
