//! What is wrong with contracts that can be read: names that are not there, circles, contradictions, negative sizes.
//!
//! Depends on `formula` and `diagnostic`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use num_traits::Signed;

use super::apply::{DTYPE_RULES, TEXT_RULES, root, split};
use super::format::{
    ContentSpec, Contract, Expression, Kind, ObjectSpec, PYTHON_KINDS, ResultSpec, ShapeSpec, complain, is_number,
    parse_file,
};
use super::load::read_file;
use super::rule::Rule;
use super::{Arguments, Contracts, Library, Match, Text, shape};
use crate::diagnostic::{Diagnostic, near_names};
use crate::expression::Value;
use crate::formula::{Environment, Formula};

/// Checks contract files, together: a file may use the kinds of another one, and those that are shipped.
pub fn check(files: &[impl AsRef<Path>]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut parsed = Vec::new();
    let mut texts = Vec::new();
    for file in files {
        let file = file.as_ref();
        match read_file(file) {
            Ok(text) => {
                let (found, mut complaints) = parse_file(file, &text);
                diagnostics.append(&mut complaints);
                parsed.push((Text::from(file.display().to_string()), found));
                texts.push(text);
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let contracts = Contracts::of_files(parsed);
    for (library, text) in contracts.own_libraries().iter().zip(&texts) {
        diagnostics.extend(check_library(library, text, &contracts));
    }
    diagnostics.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
    diagnostics.dedup();
    diagnostics
}

/// Checks one file; `contracts` has the kinds that it may use.
pub(super) fn check_library(library: &Library, text: &str, contracts: &Contracts) -> Vec<Diagnostic> {
    let mut checker =
        Checker { file: &library.file, text, contracts, all_features: OnceCell::new(), diagnostics: Vec::new() };
    for kind in &library.kinds {
        checker.kind(kind);
    }
    for contract in &library.contracts {
        checker.contract(contract);
    }
    checker.contradictions(library);
    checker.diagnostics
}

/// Sizes that Python's own values have.
const COMMON: &[&str] = &[
    "length", "width", "bytes", "given", "size", "ndim", "itemsize", "nbytes", "rows", "columns", "touched", "pending",
    "decoding",
];
/// Sizes that formulas are tried at.
const PROBES: &[i64] = &[0, 1, 2, 7, 100, 1_000, 1_000_000, 100_000_000];

struct Checker<'a> {
    file: &'a str,
    text: &'a str,
    contracts: &'a Contracts,
    /// Features of all kinds of all libraries: reading them takes long.
    all_features: OnceCell<BTreeSet<Text>>,
    diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn complain(&mut self, at: usize, message: impl Into<String>) -> &mut Diagnostic {
        let line = self.text.get(at..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |n| at + n);
        let diagnostic = complain(self.file, self.text, at, line, message);
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    // ---- Kinds ----

    fn kind(&mut self, kind: &Kind) {
        if let Some(base) = &kind.base
            && self.contracts.kind(base).is_none()
        {
            self.complain(kind.at, format!("the base `{base}` of `{}` is no kind", kind.name));
        }
        if kind.base.is_some() {
            let mut seen = vec![kind.name.clone()];
            let mut current = kind.base.clone();
            while let Some(name) = current {
                if seen.contains(&name) {
                    self.complain(kind.at, format!("`{}` is its own base, by way of `{name}`", kind.name));
                    break;
                }
                current = self.contracts.kind(&name).and_then(|kind| kind.base.clone());
                seen.push(name);
            }
        }
        let features = self.features_of(&kind.name);
        let texts = self.texts_of(&kind.name);
        for lookup in &kind.lookups {
            if !texts.contains(&lookup.of) {
                self.complain(
                    kind.at,
                    format!("`{}` is looked up by `{}`, which is no text of the kind", lookup.feature, lookup.of),
                )
                .help = Some("add it to `texts`".to_owned());
            }
        }
        let own = kind.bytes.iter().chain(&kind.touched);
        let looked_up =
            kind.lookups.iter().flat_map(|lookup| lookup.values.iter().map(|(_, e)| e).chain(&lookup.default));
        for expression in own.chain(kind.derived.iter().map(|(_, e)| e)).chain(looked_up).chain(&kind.shape) {
            for symbol in expression.formula.symbols() {
                let name = symbol.split('[').next().unwrap_or(&symbol);
                if !features.contains(name) && !COMMON.contains(&name) && name != "shape" {
                    let near = near_names(name, features.iter().map(|text| &**text)).join("`, `");
                    let diagnostic =
                        self.complain(expression.at, format!("`{symbol}` is no feature of `{}`", kind.name));
                    if !near.is_empty() {
                        diagnostic.help = Some(format!("did you mean `{near}`?"));
                    }
                }
            }
        }
        let edges: BTreeMap<Text, BTreeSet<Text>> =
            kind.derived.iter().map(|(name, e)| (name.clone(), e.formula.symbols())).collect();
        if let Some(circle) = circle(&edges) {
            let at = kind.derived.iter().find(|(name, _)| circle.contains(name)).map_or(kind.at, |(_, e)| e.at);
            self.complain(at, format!("circular: {}", circle.join(" → ")));
        }
    }

    fn features_of(&self, kind: &str) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        for name in self.contracts.lineage(kind) {
            if let Some(kind) = self.contracts.kind(&name) {
                found.extend(kind.features.iter().cloned());
                found.extend(kind.derived.iter().map(|(name, _)| name.clone()));
                found.extend(kind.lookups.iter().map(|lookup| lookup.feature.clone()));
            }
        }
        found
    }

    fn texts_of(&self, kind: &str) -> BTreeSet<Text> {
        let lineage = self.contracts.lineage(kind);
        lineage
            .iter()
            .filter_map(|name| self.contracts.kind(name))
            .flat_map(|kind| kind.texts.iter().cloned())
            .collect()
    }

    // ---- Contracts ----

    /// The kind that `self` is of, if the contract is of a method or an attribute of a declared kind.
    fn receiver(&self, contract: &Contract) -> Option<Text> {
        let (front, _) = contract.names.first()?.rsplit_once('.')?;
        let known = self.contracts.lineage(front).iter().any(|name| self.contracts.kind(name).is_some());
        (known || PYTHON_KINDS.contains(&front)).then(|| Text::from(front))
    }

    /// Complains of a path that begins with no parameter.
    fn path(&mut self, contract: &Contract, path: &str, at: usize) {
        let name = root(path);
        if name == "self" {
            if self.receiver(contract).is_none() {
                let kind = contract.names.first().and_then(|name| name.rsplit_once('.')).map_or("", |(kind, _)| kind);
                self.complain(at, format!("`self` in a contract of a function: `{kind}` is no kind"));
            }
        } else if contract.parameters.get(name).is_none() {
            let names: Vec<&str> = contract.parameters.0.iter().map(|parameter| &*parameter.name).collect();
            let near = near_names(name, names.iter().copied());
            let help = match near.first() {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it has no parameters: list them in `parameters`".to_owned(),
                None => format!("its parameters are {}", names.join(", ")),
            };
            self.complain(at, format!("`{name}` is no parameter")).help = Some(help);
        }
    }

    fn expression(&mut self, contract: &Contract, expression: &Expression, result: &BTreeSet<Text>) {
        for symbol in expression.formula.symbols() {
            if contract.lets.iter().any(|(name, _)| *name == symbol)
                || contract.externals.iter().any(|external| external.symbol == symbol)
            {
                continue;
            }
            if let Some(feature) = symbol.strip_prefix("result.") {
                let name = feature.split('[').next().unwrap_or(feature);
                if !result.contains(name) && !matches!(name, "bytes" | "touched" | "own" | "shape") {
                    self.complain(expression.at, format!("the result has no `{name}`"));
                }
                continue;
            }
            let (path, feature) = split(&symbol);
            let before = self.diagnostics.len();
            self.path(contract, path, expression.at);
            if self.diagnostics.len() > before {
                if let Some(last) = self.diagnostics.last_mut()
                    && last.help.as_ref().is_none_or(|help| !help.starts_with("did you"))
                {
                    last.message = format!(
                        "`{symbol}` is unknown: no parameter, `let` or external size is called `{}`",
                        root(path)
                    );
                }
                continue;
            }
            if let Some(feature) = feature {
                self.feature(contract, path, feature, expression.at);
            }
        }
    }

    fn feature(&mut self, contract: &Contract, path: &str, feature: &str, at: usize) {
        let name = feature.split('[').next().unwrap_or(feature);
        if COMMON.contains(&name) || name == "shape" {
            return;
        }
        let tested = contract.when.iter().find(|test| &*test.path == path).and_then(|test| test.kind.clone());
        let kinds: Vec<Text> = match (path, tested) {
            (_, Some(kinds)) => kinds,
            ("self", None) => self.receiver(contract).into_iter().collect(),
            _ => Vec::new(),
        };
        let of_kinds: BTreeSet<Text>;
        let known = if kinds.is_empty() {
            self.all_features()
        } else {
            of_kinds = kinds.iter().flat_map(|kind| self.features_of(kind)).collect();
            &of_kinds
        };
        if !known.contains(name) {
            let near = near_names(name, known.iter().map(|text| &**text).chain(COMMON.iter().copied()));
            let help = near.first().map(|near| format!("did you mean `{near}`?"));
            let of = if kinds.is_empty() { "any kind".to_owned() } else { format!("`{}`", kinds.join("`, `")) };
            self.complain(at, format!("`{name}` is no feature of {of}")).help =
                help.or_else(|| Some("features are listed with the `[[kind]]`".to_owned()));
        }
    }

    fn all_features(&self) -> &BTreeSet<Text> {
        self.all_features.get_or_init(|| {
            let libraries = self.contracts.libraries();
            let kinds = libraries.iter().flat_map(|library| &library.kinds);
            kinds.flat_map(|kind| self.features_of(&kind.name)).collect()
        })
    }

    fn rule(&mut self, contract: &Contract, rule: &Rule, at: usize, rules: &[(&str, usize, usize, &str)], free: bool) {
        match rule {
            Rule::Word(word) if free && contract.parameters.get(root(word)).is_none() && root(word) != "self" => {
                if super::dtype::Dtype::named(word).itemsize.is_none() {
                    self.complain(at, format!("`{word}` is neither a parameter nor an item type"));
                }
            }
            Rule::Word(word) => self.path(contract, word, at),
            Rule::Quoted(_) | Rule::Integer(_) => {}
            Rule::Call(name, arguments) => {
                match rules.iter().find(|(rule, ..)| *rule == &**name) {
                    None => {
                        let near = near_names(name, rules.iter().map(|(name, ..)| *name));
                        let names: Vec<&str> = rules.iter().map(|(name, ..)| *name).collect();
                        let help = match near.first() {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("rules are {}", names.join(", ")),
                        };
                        self.complain(at, format!("there is no rule `{name}`")).help = Some(help);
                    }
                    Some((_, least, most, about)) if arguments.len() < *least || arguments.len() > *most => {
                        let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
                        self.complain(at, format!("`{name}` takes {wanted} arguments, not {}", arguments.len())).help =
                            Some((*about).to_owned());
                    }
                    Some(_) => {}
                }
                for argument in arguments {
                    self.rule(contract, argument, at, rules, free);
                }
            }
        }
    }

    fn result(&mut self, contract: &Contract, spec: &ResultSpec, features: &BTreeSet<Text>) {
        match spec {
            ResultSpec::None | ResultSpec::Unknown => {}
            ResultSpec::Argument(path) => {
                let before = self.diagnostics.len();
                self.path(contract, path, contract.at);
                if self.diagnostics.len() > before
                    && let Some(last) = self.diagnostics.last_mut()
                {
                    last.help = Some("a result is `None`, `unknown`, a parameter or a table".to_owned());
                }
            }
            ResultSpec::Number { value, .. } => {
                if let Some(value) = value {
                    self.expression(contract, value, features);
                }
            }
            ResultSpec::Object(object) => self.object(contract, object, features),
        }
    }

    fn object(&mut self, contract: &Contract, object: &ObjectSpec, features: &BTreeSet<Text>) {
        let kind = object.kind.split('{').next().unwrap_or_default().trim_end_matches('.');
        let declared = self.contracts.kind(kind).is_some();
        if !declared && !PYTHON_KINDS.contains(&kind) && !kind.is_empty() {
            let libraries = self.contracts.libraries();
            let names = libraries.iter().flat_map(|library| library.kinds.iter().map(|kind| &*kind.name));
            let near = near_names(kind, names.chain(PYTHON_KINDS.iter().copied()));
            let help = match near.first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it: `[[kind]]` with its name and features".to_owned(),
            };
            self.complain(object.at, format!("`{kind}` is no kind")).help = Some(help);
        }
        if declared {
            let known = self.features_of(kind);
            for (name, expression) in &object.features {
                if !known.contains(name) && !COMMON.contains(&&**name) {
                    self.complain(expression.at, format!("`{name}` is no feature of `{kind}`")).help =
                        Some("add it to the kind's `features`".to_owned());
                }
            }
            let texts = self.texts_of(kind);
            for (name, rule) in &object.texts {
                if !texts.contains(name) {
                    self.complain(rule.at, format!("`{name}` is no text of `{kind}`")).help =
                        Some("add it to the kind's `texts`".to_owned());
                }
            }
        }
        for path in object.view.iter().chain(&object.holds) {
            self.path(contract, path, object.at);
        }
        match &object.shape {
            Some(ShapeSpec::Rule(rule)) => self.rule(contract, &rule.value, rule.at, shape::RULES, false),
            Some(ShapeSpec::Dimensions(list)) => {
                list.iter().for_each(|expression| self.expression(contract, expression, features));
            }
            None => {}
        }
        if let Some(rule) = &object.dtype {
            self.rule(contract, &rule.value, rule.at, DTYPE_RULES, true);
        }
        for (_, rule) in &object.texts {
            if !matches!(rule.value, Rule::Quoted(_)) {
                self.rule(contract, &rule.value, rule.at, TEXT_RULES, false);
            }
        }
        let own = object.bytes.iter().chain(&object.touched);
        for expression in own.chain(object.features.iter().map(|(_, expression)| expression)) {
            self.expression(contract, expression, features);
        }
        match &object.content {
            ContentSpec::Opaque => {}
            ContentSpec::Items(items) => items.iter().for_each(|item| self.result(contract, item, features)),
            ContentSpec::Many(item) => self.result(contract, item, features),
            ContentSpec::Keys(items) => items.iter().for_each(|(_, item)| self.result(contract, item, features)),
            ContentSpec::Numbers(rule) => self.rule(contract, &rule.value, rule.at, shape::RULES, false),
        }
    }

    fn contract(&mut self, contract: &Contract) {
        let before = self.diagnostics.len();
        for test in &contract.when {
            self.path(contract, &test.path, contract.at);
            for kind in test.kind.iter().flatten() {
                let known = self.contracts.kind(kind).is_some() || PYTHON_KINDS.contains(&&**kind) || is_number(kind);
                if !known && &**kind != "range" {
                    self.complain(contract.at, format!("`when` asks for the kind `{kind}`, which nothing makes"));
                }
            }
        }
        for (_, most, typical) in &contract.bounds {
            for expression in [most, typical].into_iter().flatten() {
                self.expression(contract, expression, &BTreeSet::new());
            }
        }
        for external in &contract.externals {
            if contract.parameters.get(&external.symbol).is_some()
                || contract.lets.iter().any(|(name, _)| *name == external.symbol)
            {
                self.complain(contract.at, format!("`{}` is an external size and something else too", external.symbol));
            }
        }
        let edges: BTreeMap<Text, BTreeSet<Text>> =
            contract.lets.iter().map(|(name, e)| (name.clone(), e.formula.symbols())).collect();
        if let Some(circle) = circle(&edges) {
            let at = contract.lets.iter().find(|(name, _)| circle.contains(name)).map_or(contract.at, |(_, e)| e.at);
            self.complain(at, format!("circular: {}", circle.join(" → ")));
        }
        for (name, expression) in &contract.lets {
            if contract.parameters.get(name).is_some() {
                self.complain(expression.at, format!("`{name}` is a parameter and a `let` too"));
            }
        }
        let mut features: BTreeSet<Text> = BTreeSet::new();
        if let ResultSpec::Object(object) = &contract.result {
            features.extend(object.features.iter().map(|(name, _)| name.clone()));
            features.extend(self.features_of(&object.kind));
            features.extend(["size", "itemsize", "nbytes", "length"].map(Text::from));
        }
        self.result(contract, &contract.result, &features);
        let effects = contract.effects.iter();
        let formulas: Vec<&Expression> = contract
            .lets
            .iter()
            .map(|(_, expression)| expression)
            .chain(&contract.demand)
            .chain(&contract.peak)
            .chain(&contract.resident_peak)
            .chain(&contract.retained)
            .chain(&contract.transient)
            .chain(&contract.resident_transient)
            .chain(effects.flat_map(|e| e.grow.iter().chain(&e.touched).chain(e.set.iter().map(|(_, e)| e))))
            .chain(contract.calls.iter().flat_map(|call| call.times.iter().chain(&call.concurrency)))
            .collect();
        for expression in formulas {
            self.expression(contract, expression, &features);
        }
        for effect in &contract.effects {
            self.path(contract, &effect.on, effect.at);
            effect.holds.iter().for_each(|path| self.path(contract, path, effect.at));
        }
        for path in &contract.loads {
            self.path(contract, path, contract.at);
        }
        for callback in &contract.calls {
            self.path(contract, &callback.parameter, callback.at);
            callback.items.iter().for_each(|path| self.path(contract, path, callback.at));
        }
        if self.diagnostics.len() == before {
            self.probe(contract);
        }
    }

    /// Tries the formulas at sizes.
    fn probe(&mut self, contract: &Contract) {
        let found = Match { contract, contracts: self.contracts };
        let applied = found.apply(&Unknowns);
        let amounts: [(&str, &Formula, Option<&Expression>); 4] = [
            (
                "demand",
                &applied.demand,
                contract.demand.as_ref().or(contract.peak.as_ref()).or(contract.transient.as_ref()),
            ),
            ("peak", &applied.peak, contract.peak.as_ref().or(contract.transient.as_ref())),
            ("resident_peak", &applied.resident_peak, contract.resident_peak.as_ref()),
            ("retained", &applied.retained, contract.retained.as_ref()),
        ];
        let mut symbols = BTreeSet::new();
        amounts.iter().for_each(|(_, formula, _)| symbols.extend(formula.symbols()));
        for (n, probe) in PROBES.iter().enumerate() {
            // All sizes alike, and then each of its own.
            for mixed in [false, true] {
                let mut environment = Environment::new();
                for (m, symbol) in symbols.iter().enumerate() {
                    let other = PROBES.get((n + m * 3) % PROBES.len()).copied().unwrap_or(1);
                    environment.set(symbol, if mixed { other } else { *probe });
                }
                let value = |formula: &Formula| formula.evaluate(&environment).ok();
                let at = || {
                    let pairs: Vec<String> =
                        environment.iter().map(|(name, value)| format!("{name} = {}", shown(value))).collect();
                    if pairs.is_empty() { String::new() } else { format!(" for {}", pairs.join(", ")) }
                };
                for (name, formula, own) in &amounts {
                    if let Some(bytes) = value(formula)
                        && bytes.is_negative()
                    {
                        let place = own.map_or(contract.at, |expression| expression.at);
                        self.complain(place, format!("{name} is negative{}: {bytes}", at())).help = Some(
                            "no call takes less than nothing: write `max(…, 0)`, or correct the formula".to_owned(),
                        );
                        return;
                    }
                }
                for ((high, above, high_own), (low, below, low_own)) in
                    [(amounts[0], amounts[1]), (amounts[1], amounts[2])]
                {
                    if let (Some(more), Some(less)) = (value(above), value(below))
                        && less > more
                    {
                        let place = low_own.or(high_own).map_or(contract.at, |expression| expression.at);
                        self.complain(
                            place,
                            format!("{low} is more than {high}{}: {} > {}", at(), less.to_integer(), more.to_integer()),
                        )
                        .help = Some(
                            "demand counts every request, peak those alive at once, resident peak those touched"
                                .to_owned(),
                        );
                        return;
                    }
                }
            }
        }
    }

    /// Entries of one callable that cannot both be right.
    fn contradictions(&mut self, library: &Library) {
        let mut by_name: BTreeMap<&Text, Vec<&Contract>> = BTreeMap::new();
        for contract in &library.contracts {
            for name in &contract.names {
                by_name.entry(name).or_default().push(contract);
            }
        }
        for (name, entries) in by_name {
            for (n, entry) in entries.iter().enumerate() {
                let Some(earlier) = entries.iter().take(n).find(|other| {
                    other.when == entry.when
                        || other.parameters != entry.parameters
                        || other.attribute != entry.attribute
                }) else {
                    continue;
                };
                let line = earlier.place.line;
                if earlier.when == entry.when {
                    self.complain(
                        entry.at,
                        format!("`{name}` is described twice for the same arguments: see line {line}"),
                    )
                    .help = Some("merge the entries, or tell them apart with `when`".to_owned());
                } else {
                    self.complain(entry.at, format!("`{name}` has other parameters here than at line {line}")).help =
                        Some("all entries of a callable list the same parameters".to_owned());
                }
            }
        }
        let mut kinds: BTreeMap<&Text, &Kind> = BTreeMap::new();
        for kind in &library.kinds {
            if let Some(earlier) = kinds.insert(&kind.name, kind) {
                let line = earlier.place.line;
                self.complain(kind.at, format!("`{}` is declared twice: see line {line}", kind.name));
            }
        }
    }
}

fn shown(value: &crate::formula::Value) -> String {
    match value {
        crate::formula::Value::Number(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// A circle of names, each needing the next.
fn circle(edges: &BTreeMap<Text, BTreeSet<Text>>) -> Option<Vec<Text>> {
    for start in edges.keys() {
        let mut path = vec![start.clone()];
        let mut pending: Vec<Vec<Text>> = vec![edges[start].iter().cloned().collect()];
        let mut seen = BTreeSet::new();
        while let Some(next) = pending.last_mut() {
            match next.pop() {
                Some(name) if name == *start => {
                    path.push(name);
                    return Some(path);
                }
                Some(name) if edges.contains_key(&name) && seen.insert(name.clone()) => {
                    pending.push(edges[&name].iter().cloned().collect());
                    path.push(name);
                }
                Some(_) => {}
                None => {
                    pending.pop();
                    path.pop();
                }
            }
        }
    }
    None
}

/// Arguments of which nothing is known.
struct Unknowns;

impl Arguments for Unknowns {
    fn kind(&self, _: &str) -> Option<Text> {
        None
    }
    fn given(&self, _: &str) -> bool {
        true
    }
    fn literal(&self, _: &str) -> Option<Value> {
        None
    }
    fn number(&self, _: &str) -> Option<Formula> {
        None
    }
    fn feature(&self, _: &str, _: &str) -> Option<Formula> {
        None
    }
    fn shape(&self, _: &str) -> Option<Vec<Formula>> {
        None
    }
}
