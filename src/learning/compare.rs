//! Contracts in force against traces: does what is said still fit the library that is installed?
//!
//! Depends on `contracts`, `callable` and `trace`.

use super::callable::errors;
use super::trace::{Outcome, Trace};
use crate::contracts::described::DescribedCall;
use crate::contracts::{Contracts, Origin};

/// How a contract does on the traces of its callable.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The callable.
    pub name: String,
    /// Who wrote the contract; none if there is none.
    pub origin: Option<Origin>,
    /// Calls that it was tried on.
    pub traces: usize,
    /// Calls whose peak it does not give: a size that it asks for is not among the trace's.
    pub unanswered: usize,
    /// Median relative error of the peak.
    pub median: Option<f64>,
    /// 95th percentile of it.
    pub p95: Option<f64>,
    /// Whether the errors are of peaks above 1 MiB alone.
    pub above_mib: bool,
    /// What went wrong, if the contract cannot be applied.
    pub problem: Option<String>,
}

/// Applies a callable's contract to its traces.
pub fn compare(name: &str, traces: &[&Trace], contracts: &Contracts) -> Comparison {
    let mut found = Comparison {
        name: name.to_owned(),
        origin: contracts.all(name).first().map(|contract| contract.origin()),
        traces: 0,
        unanswered: 0,
        median: None,
        p95: None,
        above_mib: false,
        problem: None,
    };
    if found.origin.is_none() {
        return found;
    }
    let mut pairs = Vec::new();
    for trace in traces.iter().filter(|trace| trace.outcome == Outcome::Returned && !trace.edge) {
        let (Some(call), Some(peak)) = (&trace.call, trace.peak) else { continue };
        found.traces += 1;
        let answer = DescribedCall::read(call).and_then(|call| call.report(contracts));
        match answer {
            Ok(answer) => match answer["peak"]["bytes"].to_string().parse::<f64>() {
                Ok(bytes) => pairs.push((bytes, peak)),
                Err(_) => found.unanswered += 1,
            },
            Err(reason) => {
                found.unanswered += 1;
                found.problem.get_or_insert(reason);
            }
        }
    }
    (found.median, found.p95, found.above_mib) = errors(&pairs);
    found
}
