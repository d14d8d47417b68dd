"""Who may do what on a broker, as a document of Mosquitto's dynamic security plugin, and how to get there.

Nothing is allowed that is not written. A device has a role of its own, since the plugin of Mosquitto 2.0 does
not put the client's name into a topic: it publishes its own report, nmea and status and hears its own acks. A
gateway hears all of these, alone or as one of its group, and alone publishes acks. Pure: no files, no broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.topic import Channel, every, group_topic, shared, topic

Document = dict[str, Any]
Command = dict[str, Any]

CONTROL: Final = "$CONTROL/dynamic-security/v1"
"""The topic of the plugin's commands; answers come on ``.../response``."""

_DEVICE: Final = "device-"


def rules(devices: Iterable[str], gateways: Iterable[str], admins: Iterable[str], group: str) -> Document:
    """The plugin's whole file for these names; of the same names in any order it is the same."""
    roles = [_gateway(group), _admin()]
    clients = [_client(name, "gateway") for name in sorted(set(gateways))]
    clients += [_client(name, "admin") for name in sorted(set(admins))]
    for device in sorted(set(devices)):
        roles.append(_device(device))
        clients.append(_client(device, _DEVICE + device))
    default = {"publishClientSend": False, "publishClientReceive": False, "subscribe": False}
    return {
        "defaultACLAccess": default | {"unsubscribe": True},
        "clients": clients,
        "groups": [],
        "roles": roles,
    }


def changes(roles: list[Document], clients: list[Document], wanted: Document) -> Iterator[Command]:
    """The commands that lead from what the broker has (``listRoles``, ``listClients``) to what is wanted.

    None when it is there already. Of others only devices that are not wanted are taken away: what an operator
    has added by hand stays. A client whose role changes is disconnected by the plugin and comes back.
    """
    had = {role["rolename"]: role for role in roles}
    for role in wanted["roles"]:
        name = role["rolename"]
        if name not in had:
            yield {"command": "createRole", **role}
        elif _acls(had[name]) != _acls(role):
            yield {"command": "modifyRole", "rolename": name, "acls": role["acls"]}
    known = {client["username"]: client for client in clients}
    for client in wanted["clients"]:
        name = client["username"]
        if name not in known:
            yield {"command": "createClient", **client}
        elif _roles(known[name]) != _roles(client):
            yield {"command": "modifyClient", "username": name, "roles": client["roles"]}
    names = {client["username"] for client in wanted["clients"]}
    for name, client in known.items():
        if name not in names and any(role.startswith(_DEVICE) for role in _roles(client)):
            yield {"command": "deleteClient", "username": name}
    kept = {role["rolename"] for role in wanted["roles"]}
    for name in had:
        if name.startswith(_DEVICE) and name not in kept:
            yield {"command": "deleteRole", "rolename": name}


def _device(name: str) -> Document:
    ack = topic(name, Channel.ACK)
    sends = [topic(name, channel) for channel in (Channel.REPORT, Channel.NMEA, Channel.STATUS)]
    return _role(
        _DEVICE + name,
        *(("publishClientSend", one) for one in sends),
        ("subscribeLiteral", ack),
        ("publishClientReceive", ack),
    )


def _gateway(group: str) -> Document:
    hears = [every(channel) for channel in (Channel.REPORT, Channel.NMEA, Channel.STATUS)]
    hears.append(group_topic(group))
    return _role(
        "gateway",
        ("publishClientSend", every(Channel.ACK)),
        ("publishClientSend", group_topic(group)),
        *(("publishClientReceive", one) for one in hears),
        *(("subscribeLiteral", one) for one in [*hears, shared(group, Channel.REPORT)]),
    )


def _admin() -> Document:
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    return _role("admin", *((kind, "$CONTROL/dynamic-security/#") for kind in kinds))


def _role(name: str, *acls: tuple[str, str]) -> Document:
    rows = [{"acltype": kind, "topic": where, "priority": 0, "allow": True} for kind, where in acls]
    return {"rolename": name, "acls": rows}


def _client(name: str, role: str) -> Document:
    return {"username": name, "roles": [{"rolename": role}]}


def _acls(role: Mapping[str, Any]) -> set[tuple[str, str, bool]]:
    return {(acl["acltype"], acl["topic"], acl["allow"]) for acl in role.get("acls", [])}


def _roles(client: Mapping[str, Any]) -> set[str]:
    return {role["rolename"] for role in client.get("roles", [])}
