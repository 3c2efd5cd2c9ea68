//! What to take out: everything that may go and was never touched, less only where that fails. Linux only.
//!
//! The first candidate takes *everything* out that may go. What its events then load on demand is what they touch; that
//! stays, and the second candidate usually needs nothing. Effects that imports had on other modules (registries, patches)
//! are found in a traced run of the original: a module that changed one that is loaded is loaded too, by the statements
//! that loaded it in the original. Only if the answers still differ are modules, then names, halved until the cause is out.
//! Depends on `diagnostic`, `measure`, `oracle`, `rewrite` and `runner`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::oracle::{Evidence, Oracle, Run};
use super::rewrite::{Choice, Module, Rewritten};
use super::runner::{Ask, Outcome, Ready, Runner};
use super::{Options, Progress};
use crate::diagnostic::Diagnostic;
use crate::project::pattern;
use crate::project::source::{read_text, with_stack};

/// Modules of the package that were loaded, read.
#[derive(Debug, Default)]
pub struct Modules {
    /// By name.
    pub all: BTreeMap<String, (PathBuf, Module)>,
    /// Modules that stay as they are, and why.
    pub left: BTreeMap<String, String>,
}

/// What is taken out, by module.
pub type Choices = BTreeMap<String, Choice>;

/// A package that was tried and found equal.
#[derive(Clone, Debug, Default)]
pub struct Best {
    /// What is out.
    pub choices: Choices,
    /// Modules that it loads.
    pub loaded: BTreeSet<String>,
    /// Files that it reads.
    pub read: BTreeSet<String>,
}

/// Whether a pattern with `*` and `?` fits a name, or a name that the name begins with.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut end = name.len();
    loop {
        if pattern::fits(pattern, name.get(..end).unwrap_or_default()) {
            return true;
        }
        match name.get(..end).and_then(|part| part.rfind('.')) {
            Some(at) => end = at,
            None => return false,
        }
    }
}

/// Reads the modules that the original loaded from below `root`.
pub fn read_modules(run: &Run, root: &Path, keep: &[String], allowed: Option<&BTreeSet<String>>) -> Modules {
    let empty = Evidence::default();
    let evidence = run.evidence.as_ref().unwrap_or(&empty);
    let none = BTreeSet::new();
    // A module's name, and what was read of it or why it was not.
    type Read = (String, Result<(PathBuf, Module), String>);
    let read: Vec<Read> = run
        .modules
        .par_iter()
        .filter_map(|(name, file)| {
            let path = PathBuf::from(file.as_ref()?);
            if !path.starts_with(root) || name == "__main__" || name.contains("meminterface_ondemand") {
                return None;
            }
            if path.extension().is_none_or(|extension| extension != "py") {
                return Some((name.clone(), Err("it is no Python source".to_owned())));
            }
            if file.as_ref().is_some_and(|file| run.sources.contains(file)) {
                return Some((name.clone(), Err("its source is read while it runs".to_owned())));
            }
            if keep.iter().any(|pattern| fits(pattern, name)) {
                return Some((name.clone(), Err("it is kept (`--keep`)".to_owned())));
            }
            if allowed.is_some_and(|allowed| !allowed.contains(name)) {
                return Some((name.clone(), Err("it is not among the first of the ranking (`--top`)".to_owned())));
            }
            let is_package = path.file_stem().is_some_and(|stem| stem == "__init__");
            let odd = evidence.classes.get(name).unwrap_or(&none);
            let module = read_text(&path)
                .and_then(|text| with_stack(|| Module::read(&path, text, name, is_package, odd)))
                .map(|module| (path, module))
                .map_err(|problem| problem.message);
            Some((name.clone(), module))
        })
        .collect();
    let mut modules = Modules::default();
    for (name, found) in read {
        match found {
            Ok((path, mut module)) => {
                if let Some(why) = module.left_alone {
                    modules.left.insert(name.clone(), why.to_owned());
                }
                // A name that `from x import *` may bind as well is not what the text shows.
                let mut hidden: BTreeSet<&String> = BTreeSet::new();
                for star in &module.stars {
                    hidden.extend(evidence.names.get(star).unwrap_or(&none));
                }
                let from_c = module.stars.iter().any(|star| !evidence.names.contains_key(star));
                if from_c {
                    module.candidates.clear();
                } else {
                    let hidden: BTreeSet<String> = hidden.into_iter().cloned().collect();
                    module.candidates.retain(|name, _| !hidden.contains(name));
                }
                // Whoever imports the submodule `a.b` sets the name `b` of `a`: another `b` there must be set behind that.
                if path.file_stem().is_some_and(|stem| stem == "__init__") {
                    let submodules = submodules_of(path.parent().unwrap_or(Path::new("")));
                    let shadows: Vec<String> = module
                        .candidates
                        .keys()
                        .filter(|one| submodules.contains(*one) && !module.is_submodule(one))
                        .cloned()
                        .collect();
                    for one in &shadows {
                        module.candidates.remove(one);
                    }
                }
                modules.all.insert(name, (path, module));
            }
            Err(why) => {
                modules.left.insert(name, why);
            }
        }
    }
    // A name that somebody sets anew is taken from its module when the original took it, or another would be taken.
    let set: BTreeSet<String> = modules
        .all
        .iter()
        .flat_map(|(name, (_, module))| {
            let own = module.rebound.iter().map(move |one| format!("{name}.{one}"));
            own.chain(module.sets.iter().cloned())
        })
        .collect();
    for (_, module) in modules.all.values_mut() {
        let taken: Vec<String> = module
            .candidates
            .keys()
            .filter(|one| module.taken_by(one).any(|full| set.contains(full)))
            .cloned()
            .collect();
        for one in taken {
            module.candidates.remove(&one);
        }
    }
    modules
}

/// What may be imported from the folder of a package.
fn submodules_of(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    entries.flatten().map(|entry| stem(&entry.file_name().to_string_lossy())).collect()
}

/// Is told names of modules.
pub type Told<'a> = &'a dyn Fn(&BTreeSet<String>);

/// How often in turn the original is run again in vain, before nothing more is expected of that.
const MOST_IN_VAIN: usize = 6;

/// The search, and what it has found so far.
pub struct Search<'a> {
    /// Modules that may change.
    pub modules: &'a Modules,
    /// The original.
    pub oracle: Oracle,
    /// What to do.
    pub options: &'a Options,
    /// Events that are given, by their place; the others are withheld.
    pub events: Vec<usize>,
    /// When to stop.
    pub deadline: Option<Instant>,
    /// How long one run may take.
    pub most: Duration,
    /// Says what is being done.
    pub progress: Progress<'a>,
    /// How many candidates were run.
    pub tried: usize,
    /// Outcomes that are known, by the hash of what was chosen.
    pub known: BTreeMap<String, bool>,
    /// Names and bodies that turned out to be needed, by module.
    pub needed: BTreeMap<String, BTreeSet<String>>,
    /// Statements that must load what they loaded.
    pub loads: BTreeMap<String, BTreeSet<usize>>,
    /// Modules that are left as they are, because something fails without that.
    pub frozen: BTreeSet<String>,
    /// Told after each candidate, so that an interrupted search need not begin anew.
    pub remember: &'a dyn Fn(&Search<'_>),
    /// Whether the time was over before the search was.
    pub ran_out: bool,
    /// Told which modules the best so far loads.
    pub improved: Option<Told<'a>>,
    /// Texts of the last candidate, with what was chosen for them.
    texts: BTreeMap<String, (Choice, Rewritten)>,
    /// How often in turn the original was run again and did what it had done.
    in_vain: usize,
    functions: BTreeSet<(&'a str, u32)>,
    children: BTreeMap<&'a str, BTreeSet<String>>,
    chains: BTreeMap<&'a str, &'a [(String, u32)]>,
    effects: Vec<(String, String)>,
}

impl<'a> Search<'a> {
    /// Prepares a search.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        modules: &'a Modules,
        oracle: Oracle,
        original: &'a Run,
        options: &'a Options,
        events: Vec<usize>,
        deadline: Option<Instant>,
        most: Duration,
        progress: Progress<'a>,
        remember: &'a dyn Fn(&Search<'_>),
    ) -> Self {
        let mut children: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (name, _) in &original.modules {
            if let Some((package, child)) = name.rsplit_once('.') {
                children.entry(package).or_default().insert(child.to_owned());
            }
        }
        let mut chains: BTreeMap<&str, &[(String, u32)]> = BTreeMap::new();
        let mut functions = BTreeSet::new();
        let mut effects: BTreeSet<(String, String)> = BTreeSet::new();
        if let Some(evidence) = &original.evidence {
            for (name, chain) in &evidence.imports {
                chains.entry(name).or_insert(chain);
            }
            functions.extend(evidence.functions.iter().map(|(file, line)| (file.as_str(), *line)));
            for (culprit, changed) in &evidence.effects {
                effects.extend(changed.iter().map(|one| (culprit.clone(), one.clone())));
            }
        }
        // What compiled code does while it is imported cannot be seen, and often rests on the order in which it is done:
        // where its package's own code asks for it, that stays.
        let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut loads: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (name, file) in &original.modules {
            let is_compiled = file.as_ref().is_some_and(|file| !file.ends_with(".py"));
            let package = name.rsplit_once('.').map_or("", |(package, _)| package);
            if let (true, Some((_, module)), Some((importer, line))) =
                (is_compiled, modules.all.get(package), chains.get(name.as_str()).and_then(|chain| chain.last()))
                && importer == package
            {
                let (names, statements) = module.on_the_way(*line, name);
                needed.entry(package.to_owned()).or_default().extend(names);
                loads.entry(package.to_owned()).or_default().extend(statements);
            }
        }
        for (name, (_, module)) in &modules.all {
            effects.extend(module.changes.iter().filter(|one| *one != name).map(|one| (name.clone(), one.clone())));
        }
        Self {
            modules,
            oracle,
            options,
            events,
            deadline,
            most,
            progress,
            tried: 0,
            known: BTreeMap::new(),
            needed,
            loads,
            frozen: BTreeSet::new(),
            remember,
            ran_out: false,
            improved: None,
            texts: BTreeMap::new(),
            in_vain: 0,
            functions,
            children,
            chains,
            effects: effects.into_iter().collect(),
        }
    }

    fn is_over(&mut self) -> bool {
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.ran_out |= is_over;
        is_over
    }

    fn is_kept(&self, module: &str, name: &str) -> bool {
        let full = format!("{module}.{name}");
        self.options.keep.iter().any(|pattern| fits(pattern, &full))
            || self.needed.get(module).is_some_and(|needed| needed.contains(name))
    }

    /// All that may go, but for what is needed.
    pub fn everything(&self) -> Choices {
        let mut choices = Choices::new();
        for (name, (path, module)) in &self.modules.all {
            let mut choice = Choice::default();
            let file = path.to_string_lossy();
            if self.options.attributes {
                choice.names = module.candidates.keys().filter(|one| !self.is_kept(name, one)).cloned().collect();
                choice.loads = self.loads.get(name).cloned().unwrap_or_default();
                let text_is_own = module.left_alone.is_none_or(|why| !why.contains("sys.modules"));
                if text_is_own && path.file_stem().is_some_and(|stem| stem == "__init__") {
                    choice.submodules = self.children.get(name.as_str()).cloned().unwrap_or_default();
                }
            }
            if self.options.functions {
                choice.functions = module
                    .functions
                    .iter()
                    .enumerate()
                    .filter(|(_, function)| !self.functions.contains(&(file.as_ref(), function.line)))
                    .filter(|(_, function)| !self.is_kept(name, &function.qualified))
                    .map(|(n, _)| n)
                    .collect();
            }
            if self.frozen.contains(name) {
                // Its submodules may still be missing.
                choice = Choice { submodules: choice.submodules, ..Choice::default() };
            }
            if !choice.is_empty() {
                choices.insert(name.clone(), choice);
            }
        }
        choices
    }

    /// Writes the texts of a choice, but for those that are there from an earlier candidate.
    fn rewrite(&mut self, choices: &Choices) {
        let new: Vec<(String, (Choice, Rewritten))> = choices
            .par_iter()
            .filter(|(name, choice)| self.texts.get(*name).is_none_or(|(before, _)| before != *choice))
            .filter_map(|(name, choice)| {
                let (_, module) = self.modules.all.get(name)?;
                Some((name.clone(), (choice.clone(), with_stack(|| module.rewrite(choice, name)))))
            })
            .collect();
        self.texts.extend(new);
    }

    fn key(choices: &Choices) -> String {
        super::tree::sha256(format!("{choices:?}").as_bytes())
    }

    /// Runs a choice.
    ///
    /// # Errors
    /// `interrupted`, `cannot-write`, `cannot-measure`.
    pub fn attempt(
        &mut self,
        runner: &mut Runner<'_>,
        choices: &Choices,
    ) -> Result<(Outcome, Result<(), String>), Diagnostic> {
        let mut found = self.attempt_all(runner, std::slice::from_ref(choices))?;
        found.pop().ok_or_else(|| Diagnostic::new(crate::diagnostic::Kind::CannotDebloat, "nothing was run"))
    }

    /// Runs several choices, as many at a time as the runner does.
    fn attempt_all(&mut self, runner: &mut Runner<'_>, all: &[Choices]) -> Result<Vec<Tried>, Diagnostic> {
        // Of several at most few modules differ; their texts are kept apart.
        let mut written: Vec<BTreeMap<String, Rewritten>> = Vec::new();
        for choices in all {
            self.rewrite(choices);
            if all.len() > 1 {
                let own = |name: &String| Some((name.clone(), self.texts.get(name)?.1.clone()));
                written.push(choices.keys().filter_map(own).collect());
            }
        }
        let asks: Vec<Ask<'_>> = all
            .iter()
            .enumerate()
            .map(|(n, choices)| {
                let mut ask = Ask { rounds: 1, events: Some(self.events.clone()), ..Ask::default() };
                let mut sides = BTreeMap::new();
                for name in choices.keys() {
                    let text = match written.get(n) {
                        Some(own) => own.get(name),
                        None => self.texts.get(name).map(|(_, text)| text),
                    };
                    if let (Some((path, _)), Some(text)) = (self.modules.all.get(name), text) {
                        ask.texts.insert(path, &text.text);
                        sides.insert(name.as_str(), &text.side);
                    }
                }
                ask.sides = Some(sides);
                ask
            })
            .collect();
        let asks: Vec<&Ask<'_>> = asks.iter().collect();
        let most = match self.deadline {
            // A candidate may end a little late, not hang for long.
            Some(deadline) => {
                let rest = deadline.saturating_duration_since(Instant::now());
                self.most.min(rest + Duration::from_secs(5))
            }
            None => self.most,
        };
        let outcomes = runner.run_all(&asks, most)?;
        self.tried += outcomes.len();
        let mut judged = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let mut verdict = self.verdict(&outcome);
            if verdict.is_err() && self.oracle.ends_alike(&outcome.run) && self.does_otherwise_by_now(runner)? {
                verdict = self.verdict(&outcome);
            }
            judged.push((outcome, verdict));
        }
        Ok(judged)
    }

    fn verdict(&self, outcome: &Outcome) -> Result<(), String> {
        match (&outcome.fault, self.oracle.compare(&outcome.run)) {
            (Some(fault), _) if outcome.run.init.is_none() => Err(fault.clone()),
            (_, Err(why)) => Err(why),
            (Some(fault), Ok(())) => Err(fault.clone()),
            (None, Ok(())) => Ok(()),
        }
    }

    /// Runs the original once more, where a candidate says something else than it did: so may the original by now, if what
    /// it says has a date or a random name in it that its first runs shared.
    fn does_otherwise_by_now(&mut self, runner: &mut Runner<'_>) -> Result<bool, Diagnostic> {
        if self.in_vain >= MOST_IN_VAIN {
            return Ok(false);
        }
        (self.progress)("  running the original again: has what it says changed?");
        let ask = Ask { rounds: 1, events: Some(self.events.clone()), ..Ask::default() };
        let outcome = runner.run(&ask, self.most)?;
        self.tried += 1;
        let refused = |why| Diagnostic::new(crate::diagnostic::Kind::CannotDebloat, why);
        let is_new = outcome.fault.is_none() && self.oracle.add(&outcome.run).map_err(refused)?;
        self.in_vain = if is_new { 0 } else { self.in_vain + 1 };
        Ok(is_new)
    }

    /// Learns from what was loaded on demand; gives whether that was anything new.
    fn learn(&mut self, outcome: &Outcome) -> bool {
        let mut is_new = false;
        for (module, name, _) in &outcome.run.ondemand {
            let submodule = format!("{module}.{name}");
            let is_name = self.modules.all.get(module).is_some_and(|(_, one)| one.candidates.contains_key(name));
            if !is_name && self.chains.contains_key(submodule.as_str()) {
                is_new |= self.pin(&submodule);
            }
            is_new |= self.needed.entry(module.clone()).or_default().insert(name.clone());
        }
        is_new
    }

    /// Keeps all that led to a module's import in the original.
    fn pin(&mut self, target: &str) -> bool {
        let Some(chain) = self.chains.get(target).copied() else { return false };
        let mut is_new = false;
        for (n, (importer, line)) in chain.iter().enumerate() {
            let next = chain.get(n + 1).map_or(target, |(name, _)| name.as_str());
            let Some((_, module)) = self.modules.all.get(importer) else { continue };
            let (names, loads) = module.on_the_way(*line, next);
            let needed = self.needed.entry(importer.clone()).or_default();
            for name in names {
                is_new |= needed.insert(name);
            }
            let kept = self.loads.entry(importer.clone()).or_default();
            for load in loads {
                is_new |= kept.insert(load);
            }
        }
        is_new
    }

    /// Modules that changed others must be loaded where those are; gives whether that changes anything.
    fn mind_effects(&mut self, loaded: &BTreeSet<String>) -> bool {
        let mut is_new = false;
        for (culprit, changed) in self.effects.clone() {
            let owner_is_loaded = loaded.contains(&changed)
                || changed
                    .rsplit_once('.')
                    .is_some_and(|(module, _)| loaded.contains(module) && !self.chains.contains_key(changed.as_str()));
            // What changes its own package before anyone sees it belongs to that package.
            if loaded.contains(&culprit) || !owner_is_loaded {
                continue;
            }
            if self.pin(&culprit) {
                (self.progress)(&format!("  {culprit} is imported: it changes {changed}"));
                is_new = true;
            }
        }
        // `import a` may rely on somebody's `import a.b` where `a` cannot be asked for it.
        let missing: Vec<String> = self
            .chains
            .keys()
            .filter(|name| !loaded.contains(**name))
            .filter(|name| {
                name.rsplit_once('.')
                    .is_some_and(|(package, _)| loaded.contains(package) && !self.modules.all.contains_key(package))
            })
            .map(|name| (*name).to_owned())
            .collect();
        for name in missing {
            let uses = self.modules.all.values().any(|(_, module)| module.relies_on(&name));
            if uses {
                is_new |= self.pin(&name);
            }
        }
        is_new
    }

    /// Finds the most that can go. What was found is in `best` even if this ends early.
    ///
    /// # Errors
    /// As [`Search::attempt`].
    pub fn run(&mut self, runner: &mut Runner<'_>, best: &mut Best) -> Result<(), Diagnostic> {
        let total = |choices: &Choices| -> (usize, usize) {
            (choices.values().map(|one| one.names.len()).sum(), choices.values().map(|one| one.functions.len()).sum())
        };
        let mut last = String::new();
        let mut blamed = 0;
        for round in 0..32 {
            let choices = self.everything();
            let (names, functions) = total(&choices);
            (self.progress)(&format!(
                "attempt {}: without {names} names and {functions} bodies of {} modules",
                round + 1,
                choices.len()
            ));
            let (outcome, verdict) = self.attempt(runner, &choices)?;
            let mut is_new = self.learn(&outcome);
            if outcome.run.init.is_some() {
                let loaded: BTreeSet<String> = outcome.run.modules.iter().map(|(name, _)| name.clone()).collect();
                is_new |= self.mind_effects(&loaded);
            }
            if verdict.is_ok() && !is_new {
                self.accept(best, choices, &outcome);
                return Ok(());
            }
            if verdict.is_ok() {
                self.accept(best, choices, &outcome);
            }
            if let Err(why) = verdict {
                (self.progress)(&format!("  {why}"));
                last = why;
                if !is_new {
                    // A traceback names its cause more often than not: that module goes back whole.
                    let Some(module) = self.blame(&outcome).filter(|_| blamed < 12) else { break };
                    (self.progress)(&format!("  {module} stays as it is"));
                    blamed += 1;
                    self.frozen.insert(module);
                }
            }
            (self.remember)(self);
            if self.is_over() {
                return Ok(());
            }
        }
        // Where nothing at all is changed and that differs, it is because modules are held ready.
        if runner.holds_ready() && self.attempt(runner, &Choices::new())?.1.is_err() {
            (self.progress)("  modules are not held ready any more: the original differs with them");
            runner.hold_ready(Ready::default());
            return self.run(runner, best);
        }
        // The cause is in few modules: those go back whole, or in part.
        let all = self.everything();
        let names: Vec<String> = all.keys().cloned().collect();
        (self.progress)(&format!("halving {} modules: {last}", names.len()));
        let mut accepted = if best.choices.is_empty() { Choices::new() } else { best.choices.clone() };
        accepted.retain(|name, choice| all.get(name) == Some(choice));
        self.halve(runner, &all, &names, &mut accepted, best)
    }

    /// The innermost module of a traceback that was changed.
    fn blame(&self, outcome: &Outcome) -> Option<String> {
        let steps = outcome.run.init.iter().chain(&outcome.run.events);
        let traceback = steps.filter_map(|step| step.error.as_ref()).map(|error| error.traceback.as_str()).next()?;
        let files: BTreeMap<String, &String> =
            self.modules.all.iter().map(|(name, (path, _))| (path.to_string_lossy().into_owned(), name)).collect();
        // The message may name it: `cannot import name 'X' from 'Y'`, `module 'Y' has no attribute 'X'`.
        let message = traceback.lines().next_back().unwrap_or_default();
        let in_words = message.split('\'').skip(1).step_by(2).map(str::to_owned);
        if message.contains("cannot import name")
            || message.contains("has no attribute")
            || message.contains("partially initialized")
        {
            let found =
                in_words.into_iter().find(|name| self.modules.all.contains_key(name) && !self.frozen.contains(name));
            if found.is_some() {
                return found;
            }
        }
        let named = traceback.lines().rev().filter_map(|line| {
            let file = line.trim_start().strip_prefix("File \"")?.split('"').next()?;
            files.get(file).map(|name| (*name).clone())
        });
        named.into_iter().find(|name| !self.frozen.contains(name))
    }

    /// Leaves modules that the trimmed application does not import as they are: if one is needed after all, it brings what
    /// it brought in the original, with the modules that changed it there.
    pub fn settle(&self, best: &mut Best) {
        for (name, choice) in &mut best.choices {
            // What is there need not be asked for.
            choice.submodules.retain(|child| !best.loaded.contains(&format!("{name}.{child}")));
            if !best.loaded.contains(name) {
                choice.names.clear();
                choice.functions.clear();
                choice.loads.clear();
            }
        }
        for (culprit, changed) in &self.effects {
            let is_late = !best.loaded.contains(changed) && !best.loaded.contains(culprit);
            if is_late && self.modules.all.contains_key(changed) && self.chains.contains_key(culprit.as_str()) {
                best.choices.entry(changed.clone()).or_default().followers.insert(culprit.clone());
            }
        }
        best.choices.retain(|_, choice| !choice.is_empty());
    }

    fn accept(&self, best: &mut Best, choices: Choices, outcome: &Outcome) {
        best.choices = choices;
        best.loaded = outcome.run.modules.iter().map(|(name, _)| name.clone()).collect();
        best.read.extend(outcome.run.read.iter().cloned());
        if let Some(improved) = self.improved {
            improved(&best.loaded);
        }
    }

    /// Adds as many of these modules to what is accepted as the oracle allows: all at once, else by halves, of which as
    /// many are tried at a time as the runner runs.
    fn halve(
        &mut self,
        runner: &mut Runner<'_>,
        all: &Choices,
        names: &[String],
        accepted: &mut Choices,
        best: &mut Best,
    ) -> Result<(), Diagnostic> {
        let mut open: Vec<Vec<String>> =
            vec![names.iter().filter(|name| !accepted.contains_key(*name)).cloned().collect()];
        while !open.is_empty() {
            if self.is_over() {
                return Ok(());
            }
            let parts = open.split_off(open.len().saturating_sub(self.options.jobs.max(1)));
            let with = |part: &[String], accepted: &Choices| {
                let mut with = accepted.clone();
                let wanted = part.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone())));
                with.extend(wanted);
                with
            };
            let candidates: Vec<Choices> = parts.iter().map(|part| with(part, accepted)).collect();
            let passed = self.pass_all(runner, &candidates, best)?;
            let mut is_first = true;
            for (part, passes) in parts.into_iter().rev().zip(passed.into_iter().rev()) {
                if passes && is_first {
                    // What passed beside it was tried without it, and is tried again.
                    *accepted = with(&part, accepted);
                    is_first = false;
                } else if passes {
                    open.push(part);
                } else if let [name] = part.as_slice() {
                    if let Some(choice) = all.get(name) {
                        self.halve_module(runner, name, choice, accepted, best)?;
                        is_first = false;
                    }
                } else if part.len() > 1 {
                    let (left, right) = part.split_at(part.len() / 2);
                    open.push(right.to_vec());
                    open.push(left.to_vec());
                }
            }
        }
        Ok(())
    }

    /// The same within a module: what can go of its names and bodies.
    fn halve_module(
        &mut self,
        runner: &mut Runner<'_>,
        name: &str,
        choice: &Choice,
        accepted: &mut Choices,
        best: &mut Best,
    ) -> Result<(), Diagnostic> {
        if self.tried > MOST_TRIED {
            return Ok(());
        }
        let mut items: Vec<Item> = choice.names.iter().cloned().map(Item::Name).collect();
        items.extend(choice.functions.iter().copied().map(Item::Function));
        let mut kept =
            Choice { submodules: choice.submodules.clone(), loads: choice.loads.clone(), ..Choice::default() };
        let mut open: Vec<Vec<Item>> = vec![items];
        while let Some(part) = open.pop() {
            if self.is_over() || self.tried > MOST_TRIED {
                break;
            }
            let mut with = kept.clone();
            for item in &part {
                match item {
                    Item::Name(one) => {
                        with.names.insert(one.clone());
                    }
                    Item::Function(one) => {
                        with.functions.insert(*one);
                    }
                }
            }
            let mut all = accepted.clone();
            all.insert(name.to_owned(), with.clone());
            if with != *choice && self.passes(runner, &all, best)? {
                kept = with;
            } else if part.len() > 1 {
                let (left, right) = part.split_at(part.len() / 2);
                open.push(right.to_vec());
                open.push(left.to_vec());
            }
        }
        if !kept.is_empty() {
            accepted.insert(name.to_owned(), kept);
        }
        Ok(())
    }

    fn passes(&mut self, runner: &mut Runner<'_>, choices: &Choices, best: &mut Best) -> Result<bool, Diagnostic> {
        Ok(self.pass_all(runner, std::slice::from_ref(choices), best)?.first().copied().unwrap_or(false))
    }

    /// Whether each of these gives the original's answers; what is known is not run again.
    fn pass_all(&mut self, runner: &mut Runner<'_>, all: &[Choices], best: &mut Best) -> Result<Vec<bool>, Diagnostic> {
        let keys: Vec<String> = all.iter().map(Self::key).collect();
        // What passed in an earlier run is run again: what it loads is to be seen.
        let is_open = |n: usize| keys.get(n).is_some_and(|key| self.known.get(key) != Some(&false));
        let open: Vec<Choices> =
            all.iter().enumerate().filter(|(n, _)| is_open(*n)).map(|(_, one)| one.clone()).collect();
        let numbers: Vec<usize> = (0..all.len()).filter(|n| is_open(*n)).collect();
        if !open.is_empty() {
            let names: usize = open.iter().map(BTreeMap::len).max().unwrap_or(0);
            let beside = if open.len() > 1 { format!(", {} candidates at a time", open.len()) } else { String::new() };
            (self.progress)(&format!("  trying {names} modules{beside}"));
            let found = self.attempt_all(runner, &open)?;
            for ((n, choices), (outcome, verdict)) in numbers.iter().zip(&open).zip(found) {
                let passes = verdict.is_ok();
                if let Some(key) = keys.get(*n) {
                    self.known.insert(key.clone(), passes);
                }
                if passes && choices.len() >= best.choices.len() {
                    self.accept(best, choices.clone(), &outcome);
                }
            }
            (self.remember)(self);
        }
        Ok(keys.iter().map(|key| self.known.get(key).copied().unwrap_or(false)).collect())
    }

    /// What a fork server may hold ready: modules that no candidate changes, and those that may change.
    pub fn ready(&self, original: &Run, root: &Path) -> Ready {
        let files: BTreeMap<&str, Option<&str>> =
            original.modules.iter().map(|(name, file)| (name.as_str(), file.as_deref())).collect();
        let mut ready = Ready::default();
        let imports = original.evidence.iter().flat_map(|evidence| &evidence.imports);
        let mut seen = BTreeSet::new();
        for (name, _) in imports {
            // What is gone again after it was imported is no module like others.
            let Some(file) = files.get(name.as_str()).filter(|_| seen.insert(name.clone())) else { continue };
            let is_ours = file.is_some_and(|file| Path::new(file).starts_with(root));
            let is_compiled = file.is_some_and(|file| !file.ends_with(".py"));
            // Compiled modules of the package may do anything to others while they are imported.
            if is_ours && (is_compiled || self.modules.all.contains_key(name) || name == "meminterface_ondemand") {
                ready.changing.push(name.clone());
            } else {
                ready.modules.push(name.clone());
            }
        }
        ready
    }
}

/// After so many candidates modules are not looked into any more: they go as a whole, or stay.
const MOST_TRIED: usize = 600;

/// A candidate's run, and why it is not the original's.
type Tried = (Outcome, Result<(), String>);

#[derive(Clone, Debug)]
enum Item {
    Name(String),
    Function(usize),
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_keep_a_thing_and_all_within_it() {
        assert!(fits("numpy", "numpy.linalg.solve"));
        assert!(fits("numpy.lin*", "numpy.linalg.solve"));
        assert!(fits("*.solve", "numpy.linalg.solve"));
        assert!(!fits("num", "numpy.linalg"));
        assert!(!fits("numpy.linalg", "numpy"));
    }
}
