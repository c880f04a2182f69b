//! What the shop does, told over real HTTP: one binary, one file a feature. `architecture` holds the shape of the code.

mod access;
mod accounts;
mod architecture;
mod btree;
mod catalog;
mod cli;
mod crash;
mod faults;
mod harness;
mod inventory;
mod model;
mod orders;
mod recurring;
mod scale;
mod schema;
mod start;
mod wire;
mod writer;
