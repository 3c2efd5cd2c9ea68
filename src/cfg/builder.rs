//! The state of building one graph: where control is, and where it can go from here.
//!
//! Nothing is built where control cannot be, so that every block can be reached from the entry.

use petgraph::graph::{DiGraph, NodeIndex};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use crate::project::Source;

use super::block::{Block, BlockKind, Element, Leaving, Placed};
use super::edge::EdgeKind;
use super::raising::can_raise;
use super::{FunctionGraph, ScopeKind};

/// From this number of blocks on, a `finally` body is built once and not once for each way of entering it. CPython
/// doubles its code at each `finally` within a `finally`, and gives up at twenty levels; so much is never built here.
const LARGE: usize = 20_000;

/// Edges that still lack their end: control goes from these blocks to a place that is not built yet.
pub(super) type Label = Vec<(NodeIndex, EdgeKind)>;

/// What encloses the place that is being built, as far as it decides where control goes.
#[derive(Debug)]
pub(super) enum Frame {
    /// A loop: where `break` and `continue` lead.
    Loop(Exits),
    /// The body of a `try` with handlers: where exceptions lead.
    Handlers(Label),
    /// What must run before control leaves: a `finally` or the exit of a `with`.
    Cleanup(Exits),
}

/// Where each way out of a frame leads.
#[derive(Debug, Default)]
pub(super) struct Exits {
    pub exceptions: Label,
    pub returns: Label,
    pub breaks: Label,
    pub continues: Label,
}

impl Exits {
    fn label(&mut self, leaving: Leaving) -> Option<&mut Label> {
        match leaving {
            Leaving::Normal => None,
            Leaving::Exception => Some(&mut self.exceptions),
            Leaving::Return => Some(&mut self.returns),
            Leaving::Break => Some(&mut self.breaks),
            Leaving::Continue => Some(&mut self.continues),
        }
    }

    /// The ways out, in the order in which their cleanups are built.
    pub fn ways(self) -> [(Leaving, Label); 4] {
        [
            (Leaving::Exception, self.exceptions),
            (Leaving::Return, self.returns),
            (Leaving::Break, self.breaks),
            (Leaving::Continue, self.continues),
        ]
    }
}

/// The kind of edge on which control leaves.
pub(super) fn kind_of(leaving: Leaving) -> EdgeKind {
    match leaving {
        Leaving::Normal => EdgeKind::Next,
        Leaving::Exception => EdgeKind::Reraise,
        Leaving::Return => EdgeKind::Return,
        Leaving::Break => EdgeKind::Break,
        Leaving::Continue => EdgeKind::Continue,
    }
}

/// A graph that is being built.
pub(super) struct Builder<'a> {
    pub source: &'a Source,
    pub scope: ScopeKind,
    graph: DiGraph<Block<'a>, EdgeKind>,
    /// The block that control is in. Invariant: where there is one, `pending` is empty.
    block: Option<NodeIndex>,
    /// The edges that lead to the place where control is. Neither block nor edges: control cannot be here.
    pending: Label,
    /// The line that the next step shows: the first line of its statement, unless a step has shown it.
    pub line: Option<u32>,
    pub frames: Vec<Frame>,
    /// Edges to the exits.
    returns: Label,
    raised: Label,
    /// Blocks that have an edge of kind `exception`, by number.
    raises: Vec<bool>,
    /// Blocks that nothing may be added to, by number.
    complete: Vec<bool>,
    /// Where exceptions of each block lead, by number: the region that it was made in.
    regions: Vec<u32>,
    /// The region here, and the number of the last one made. A region is what one frame that is not a loop encloses.
    region: u32,
    last_region: u32,
    /// The copies of `finally` bodies around the place that is being built.
    pub copies: Vec<Option<Leaving>>,
    /// Expressions whose parts come apart, by address (see `expression`).
    pub apart: FxHashSet<usize>,
}

impl<'a> Builder<'a> {
    pub fn new(source: &'a Source, scope: ScopeKind) -> Self {
        let mut builder = Self {
            source,
            scope,
            graph: DiGraph::new(),
            block: None,
            pending: Vec::new(),
            line: None,
            frames: Vec::new(),
            returns: Vec::new(),
            raised: Vec::new(),
            raises: Vec::new(),
            complete: Vec::new(),
            regions: Vec::new(),
            region: 0,
            last_region: 0,
            copies: Vec::new(),
            apart: FxHashSet::default(),
        };
        builder.block = Some(builder.new_block(BlockKind::Code));
        builder
    }

    /// Ends the function: control that is still here returns.
    pub fn finish(mut self) -> Built<'a> {
        let end = self.take(EdgeKind::Return);
        self.returns.extend(end);
        let (returns, raised) = (std::mem::take(&mut self.returns), std::mem::take(&mut self.raised));
        let exit = self.place_exit(returns, BlockKind::Exit);
        let exceptional_exit = self.place_exit(raised, BlockKind::ExceptionalExit);
        Built { graph: self.graph, entry: NodeIndex::new(0), exit, exceptional_exit }
    }

    fn place_exit(&mut self, label: Label, kind: BlockKind) -> Option<NodeIndex> {
        if label.is_empty() {
            return None;
        }
        let block = self.new_block(kind);
        self.connect(label, block);
        Some(block)
    }

    fn new_block(&mut self, kind: BlockKind) -> NodeIndex {
        let finally = if kind == BlockKind::Code { self.copies.iter().rev().find_map(|copy| *copy) } else { None };
        self.complete.push(false);
        self.raises.push(false);
        self.regions.push(self.region);
        self.graph.add_node(Block { kind, elements: Vec::new(), finally })
    }

    /// Whether the graph is so large that bodies are not to be copied any more.
    pub fn is_large(&self) -> bool {
        self.graph.node_count() > LARGE
    }

    /// Whether control can be here.
    pub fn is_live(&self) -> bool {
        self.block.is_some() || !self.pending.is_empty()
    }

    /// The first line of a node.
    pub fn line_of(&self, node: &impl Ranged) -> u32 {
        self.source.line_of(node)
    }

    fn is_protected(&self) -> bool {
        self.frames.iter().any(|frame| !matches!(frame, Frame::Loop(_)))
    }

    /// Whether nothing may be added to a block from here: control branches at its end, or its exceptions lead elsewhere.
    fn is_complete(&self, block: NodeIndex) -> bool {
        self.complete.get(block.index()).copied().unwrap_or(true)
            || self.regions.get(block.index()) != Some(&self.region)
    }

    /// Enters a frame that is not a loop, and with it a region.
    pub fn enter(&mut self, frame: Frame) -> u32 {
        self.frames.push(frame);
        self.last_region += 1;
        std::mem::replace(&mut self.region, self.last_region)
    }

    /// Leaves that frame, for the region around it.
    pub fn exit(&mut self, outer: u32) -> Option<Frame> {
        self.region = outer;
        self.frames.pop()
    }

    fn set_complete(&mut self, block: NodeIndex) {
        if let Some(complete) = self.complete.get_mut(block.index()) {
            *complete = true;
        }
    }

    /// The block that control is in, made where there is none. None where control cannot be.
    fn here(&mut self) -> Option<NodeIndex> {
        if self.block.is_some_and(|block| self.is_complete(block)) {
            self.split();
        }
        if self.block.is_none() && !self.pending.is_empty() {
            let edges = std::mem::take(&mut self.pending);
            let block = self.new_block(BlockKind::Code);
            self.connect(edges, block);
            self.block = Some(block);
        }
        self.block
    }

    /// Adds edges to a block that exists.
    pub fn connect(&mut self, edges: Label, block: NodeIndex) {
        for (from, kind) in edges {
            self.graph.add_edge(from, block, kind);
        }
    }

    /// Ends here: the edges by which control goes on, of the given kind where they do not have one already.
    pub fn take(&mut self, kind: EdgeKind) -> Label {
        match self.block.take() {
            Some(block) => vec![(block, kind)],
            None => std::mem::take(&mut self.pending),
        }
    }

    /// Goes on at a place that these edges lead to, as well as from here.
    pub fn join(&mut self, label: Label) {
        if label.is_empty() {
            return;
        }
        let mut edges = self.take(EdgeKind::Next);
        edges.extend(label);
        self.at(edges);
    }

    /// Goes on where these edges lead. A single way on from a block that is not complete stays in that block.
    pub fn at(&mut self, edges: Label) {
        self.block = None;
        match edges.as_slice() {
            [(block, EdgeKind::Next)] if !self.is_complete(*block) => {
                self.block = Some(*block);
                self.pending = Vec::new();
            }
            _ => self.pending = edges,
        }
    }

    /// Starts a new block, so that what follows may have other edges than what was before.
    pub fn split(&mut self) {
        let Some(block) = self.block else { return };
        if self.graph.node_weight(block).is_some_and(|block| block.elements.is_empty()) {
            // Nothing has run in it yet: it becomes a block of this region.
            if let Some(region) = self.regions.get_mut(block.index()) {
                *region = self.region;
            }
            return;
        }
        self.set_complete(block);
        self.block = None;
        self.pending = vec![(block, EdgeKind::Next)];
    }

    /// Starts a block that later edges can lead back to.
    pub fn header(&mut self) -> Option<NodeIndex> {
        if !self.is_live() {
            return None;
        }
        let edges = self.take(EdgeKind::Next);
        let block = self.new_block(BlockKind::Code);
        self.connect(edges, block);
        self.block = Some(block);
        Some(block)
    }

    fn add(&mut self, element: Element<'a>) -> Option<NodeIndex> {
        let block = self.here()?;
        let line = self.line.take();
        if let Some(weight) = self.graph.node_weight_mut(block) {
            weight.elements.push(Placed { element, line });
        }
        Some(block)
    }

    fn add_exception(&mut self, block: NodeIndex) {
        let raises = self.raises.get_mut(block.index()).is_some_and(|raises| std::mem::replace(raises, true));
        if !raises {
            self.raise_label().push((block, EdgeKind::Exception));
        }
    }

    /// A step that control passes.
    pub fn push(&mut self, element: Element<'a>) {
        let Some(block) = self.add(element) else { return };
        // An annotation is evaluated in modules and classes (up to 3.13), and not in functions.
        let annotates = matches!(element, Element::Statement(ruff_python_ast::Stmt::AnnAssign(_)))
            && self.scope != ScopeKind::Function;
        if can_raise(&element) || annotates {
            self.add_exception(block);
            if self.is_protected() {
                self.split();
            }
        }
    }

    /// A step that ends its block: the caller says where control goes.
    pub fn branch(&mut self, element: Element<'a>) -> Option<NodeIndex> {
        let block = self.add(element)?;
        if can_raise(&element) {
            self.add_exception(block);
        }
        self.set_complete(block);
        self.block = None;
        Some(block)
    }

    /// Where exceptions lead from here.
    fn raise_label(&mut self) -> &mut Label {
        for frame in self.frames.iter_mut().rev() {
            match frame {
                Frame::Handlers(label) => return label,
                Frame::Cleanup(exits) => return &mut exits.exceptions,
                Frame::Loop(_) => {}
            }
        }
        &mut self.raised
    }

    fn label(&mut self, leaving: Leaving) -> Option<&mut Label> {
        if leaving == Leaving::Exception {
            return Some(self.raise_label());
        }
        for frame in self.frames.iter_mut().rev() {
            match frame {
                Frame::Cleanup(exits) => return exits.label(leaving),
                Frame::Loop(exits) if matches!(leaving, Leaving::Break | Leaving::Continue) => {
                    return exits.label(leaving);
                }
                Frame::Loop(_) | Frame::Handlers(_) => {}
            }
        }
        (leaving == Leaving::Return).then_some(&mut self.returns)
    }

    /// Control leaves from here, through what must run on the way.
    pub fn leave(&mut self, leaving: Leaving) {
        self.leave_as(leaving, kind_of(leaving));
    }

    /// The same, by an edge of the given kind. `break` outside a loop, which is no Python, leads nowhere.
    pub fn leave_as(&mut self, leaving: Leaving, kind: EdgeKind) {
        let edges = self.take(kind);
        if let Some(block) = edges.first().map(|(block, _)| *block).filter(|_| edges.len() == 1) {
            self.set_complete(block);
        }
        if let Some(label) = self.label(leaving) {
            label.extend(edges);
        } else {
            self.returns.extend(edges);
        }
    }
}

/// A graph with its ends.
pub(super) struct Built<'a> {
    pub graph: DiGraph<Block<'a>, EdgeKind>,
    pub entry: NodeIndex,
    pub exit: Option<NodeIndex>,
    pub exceptional_exit: Option<NodeIndex>,
}

impl<'a> Built<'a> {
    pub fn into_function(self, scope: super::Scope<'a>) -> FunctionGraph<'a> {
        FunctionGraph {
            name: scope.name,
            kind: scope.kind,
            is_async: scope.is_async,
            line: scope.line,
            first_line: scope.first_line,
            node: scope.node,
            graph: self.graph,
            entry: self.entry,
            exit: self.exit,
            exceptional_exit: self.exceptional_exit,
        }
    }
}
