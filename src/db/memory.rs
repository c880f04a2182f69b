//! What the one writer remembers between writes, rebuilt from the tables whenever it may not be true any more.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// A feature's memory inside the writer, as the map from idempotency key to stored answer. It mirrors committed rows and the
/// group's own; the writer tells it when either is taken back.
pub trait WriterMemory: Any + Send {
    /// The write that ran last was kept (in the group, not yet on disk).
    fn keep(&mut self);
    /// The write that ran last was undone: forget what it added.
    fn undo(&mut self);
}

/// All memories, by type. A failed commit empties it, and each is made anew at its next use.
#[derive(Default)]
pub(super) struct Memories {
    by_type: HashMap<TypeId, Box<dyn WriterMemory>>,
}

impl Memories {
    pub(super) fn get<M: WriterMemory>(&mut self) -> Option<&mut M> {
        let memory: &mut dyn Any = self.by_type.get_mut(&TypeId::of::<M>())?.as_mut();
        memory.downcast_mut()
    }

    pub(super) fn put<M: WriterMemory>(&mut self, memory: M) {
        self.by_type.insert(TypeId::of::<M>(), Box::new(memory));
    }

    pub(super) fn keep(&mut self) {
        self.by_type.values_mut().for_each(|memory| memory.keep());
    }

    pub(super) fn undo(&mut self) {
        self.by_type.values_mut().for_each(|memory| memory.undo());
    }

    pub(super) fn forget(&mut self) {
        self.by_type.clear();
    }
}
