//! `CLUSTER`: one node that owns every slot.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use crate::resp::Protocol;
use crate::resp::reply;
use crate::slot::SLOTS;
use crate::slot::Slot;

/// A node's name: 40 hex digits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId([u8; 20]);

impl NodeId {
    /// The node that serves the data directory with this id: the same one after every start.
    #[must_use]
    pub fn of_directory(directory: Uuid) -> Self {
        let mut bytes = [0; 20];
        for (byte, from) in bytes.iter_mut().zip(directory.as_bytes()) {
            *byte = *from;
        }
        Self(bytes)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a client finds this node: the address at which it has reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The connection's local address, never an unspecified one.
    pub ip: IpAddr,
    /// The connection's local port.
    pub port: u16,
    /// The node.
    pub node_id: NodeId,
}

const SLOT_MAX: u16 = SLOTS.saturating_sub(1);

/// Appends the answer to `CLUSTER SLOTS`.
pub fn write_cluster_slots(out: &mut Vec<u8>, endpoint: &Endpoint) {
    reply::write_array(out, 1);
    reply::write_array(out, 3);
    reply::write_integer(out, 0);
    reply::write_integer(out, i64::from(SLOT_MAX));
    reply::write_array(out, 4);
    write_text(out, endpoint.ip);
    reply::write_integer(out, i64::from(endpoint.port));
    write_text(out, endpoint.node_id);
    reply::write_array(out, 0);
}

/// Appends the answer to `CLUSTER SHARDS`.
pub fn write_cluster_shards(out: &mut Vec<u8>, protocol: Protocol, endpoint: &Endpoint) {
    reply::write_array(out, 1);
    reply::write_map(out, protocol, 2);
    reply::write_bulk(out, b"slots");
    reply::write_array(out, 2);
    reply::write_integer(out, 0);
    reply::write_integer(out, i64::from(SLOT_MAX));
    reply::write_bulk(out, b"nodes");
    reply::write_array(out, 1);
    reply::write_map(out, protocol, 7);
    reply::write_bulk(out, b"id");
    write_text(out, endpoint.node_id);
    reply::write_bulk(out, b"port");
    reply::write_integer(out, i64::from(endpoint.port));
    for name in ["ip", "endpoint"] {
        reply::write_bulk(out, name.as_bytes());
        write_text(out, endpoint.ip);
    }
    reply::write_bulk(out, b"role");
    reply::write_bulk(out, b"master");
    reply::write_bulk(out, b"replication-offset");
    reply::write_integer(out, 0);
    reply::write_bulk(out, b"health");
    reply::write_bulk(out, b"online");
}

/// Appends the answer to `CLUSTER NODES`: the one line, without a cluster bus.
pub fn write_cluster_nodes(out: &mut Vec<u8>, endpoint: &Endpoint) {
    let Endpoint { ip, port, node_id } = endpoint;
    write_text(
        out,
        format_args!("{node_id} {ip}:{port}@0 myself,master - 0 0 1 connected 0-{SLOT_MAX}\n"),
    );
}

/// Appends the answer to `CLUSTER INFO`.
pub fn write_cluster_info(out: &mut Vec<u8>) {
    write_text(
        out,
        format_args!(
            "cluster_state:ok\r\ncluster_slots_assigned:{SLOTS}\r\ncluster_slots_ok:{SLOTS}\r\n\
             cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:1\r\n\
             cluster_size:1\r\ncluster_current_epoch:1\r\ncluster_my_epoch:1\r\n"
        ),
    );
}

/// Appends the answer to `CLUSTER MYID`.
pub fn write_cluster_my_id(out: &mut Vec<u8>, endpoint: &Endpoint) {
    write_text(out, endpoint.node_id);
}

/// Appends the answer to `CLUSTER KEYSLOT key`.
pub fn write_key_slot(out: &mut Vec<u8>, key: &[u8]) {
    reply::write_integer(out, i64::from(Slot::of(key).number()));
}

fn write_text(out: &mut Vec<u8>, text: impl fmt::Display) {
    reply::write_bulk(out, text.to_string().as_bytes());
}
