//! What the shop does, told over real HTTP: one binary, one file a feature. `architecture` holds the shape of the code.

mod access;
mod accounts;
mod architecture;
mod catalog;
mod cli;
mod crash;
mod harness;
mod inventory;
mod orders;
mod start;
mod wire;
