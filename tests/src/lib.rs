//! What the tests share: packets, the tables of who passes, and the object loaded into a kernel.

pub mod gate;
pub mod kernel;
pub mod model;
pub mod packet;
pub mod root;
pub mod table;
pub mod world;
