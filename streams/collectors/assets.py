"""THE table of assets: one id of ours, whatever venues, aggregators and repositories call the asset. PURE.

The table is `assets.toml`. An asset that is not in it has no names but its venue's own code, which passes as its
id where it can mean one thing only.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from topics.units import ASSET_PATTERN

Role = Literal["core", "client", "contract"]

_Key = TypeVar("_Key")

_ID = re.compile(ASSET_PATTERN)
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")
_MULTIPLE = re.compile(r"(1000+|1M)[A-Z]{2,}|[A-Z]{2,}1000+")
"""Codes of contracts on so many units: 1000PEPE is no asset, and a thousandth of it is not what was traded."""


class AssetError(ValueError):
    """What a code, an id or the table says is not one certain asset. The message is for people."""


class Repository(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository on GitHub whose work is work on the asset."""

    name: str
    """owner/name."""
    role: Role
    """core: protocol, node of reference, standards; client: other nodes, wallets, tools; contract: on-chain code."""


class Llama(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What DefiLlama calls the chain whose token the asset is, or the DEX whose token it is."""

    chain: str | None = None
    protocol: str | None = None


class Asset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One asset."""

    id: str
    """The usual ticker in capitals: the subject of its events, and their key."""
    name: str
    names: tuple[str, ...] = ()
    """What else people call it."""
    coingecko: str
    """CoinGecko's id."""
    defillama: Llama = Llama()
    repositories: tuple[Repository, ...] = ()
    codes: dict[str, tuple[str, ...]] = {}
    """By venue, as ccxt names it: its codes there, where they are not the id. The first is for asking."""
    wraps: str | None = None
    """The asset it stands for. Its volume is its own: nothing is merged."""


class Assets:
    """The assets that are known, found by what each source calls them."""

    def __init__(self, assets: Iterable[Asset], ambiguous: Iterable[str] = ()) -> None:
        """Take the assets, and the codes that mean different ones at different venues.

        Raises:
            AssetError: Two assets have one id, code at a venue, CoinGecko id, DefiLlama name or repository; or what
                an asset wraps is not there.
        """
        self.by_id: dict[str, Asset] = {}
        self.by_coingecko: dict[str, Asset] = {}
        self._by_llama: dict[tuple[str, str], Asset] = {}
        self._by_repository: dict[str, Asset] = {}
        self._by_code: dict[tuple[str, str], Asset] = {}
        self._ambiguous = frozenset(ambiguous)
        for asset in assets:
            self._add(asset)
        for asset in self.by_id.values():
            if asset.wraps is not None and asset.wraps not in self.by_id:
                msg = f"{asset.id} wraps {asset.wraps}, which is not in the table"
                raise AssetError(msg)

    def asset_of(self, venue: str, code: str) -> str:
        """Return the id of what a venue calls ``code``.

        Raises:
            AssetError: It may be another asset than its letters say, counts several units of one, or is no code.
        """
        known = self._by_code.get((venue, code))
        if known is not None:
            return known.id
        self._refuse_uncertain(venue, code)
        return code

    def code_of(self, venue: str, asset: str) -> str:
        """Return what to ask a venue for an asset by.

        Raises:
            AssetError: The venue's code for it is not certain, or the id is none.
        """
        known = self.by_id.get(asset)
        if known is not None and venue in known.codes:
            return known.codes[venue][0]
        other = self._by_code.get((venue, asset))
        if other is not None:
            msg = f"{venue} calls {other.id} {asset}; what it calls {asset} is not in the table"
            raise AssetError(msg)
        self._refuse_uncertain(venue, asset)
        return asset

    def of_chain(self, chain: str) -> Asset | None:
        """Return the asset that is the token of one of DefiLlama's chains."""
        return self._by_llama.get(("chain", chain))

    def of_protocol(self, protocol: str) -> Asset | None:
        """Return the asset that is the token of one of DefiLlama's DEXs."""
        return self._by_llama.get(("protocol", protocol))

    def of_repository(self, name: str) -> Asset | None:
        """Return the asset that a repository, owner/name in any case, works on."""
        return self._by_repository.get(name.lower())

    def _refuse_uncertain(self, venue: str, code: str) -> None:
        if _ID.fullmatch(code) is None:
            msg = f"{code!r} is no asset's code"
        elif code in self._ambiguous:
            msg = f"what {venue} calls {code} is not certain: say it in assets.toml"
        elif _MULTIPLE.fullmatch(code) is not None:
            msg = f"{code} counts many units of an asset"
        else:
            return
        raise AssetError(msg)

    def _add(self, asset: Asset) -> None:
        if _ID.fullmatch(asset.id) is None:
            msg = f"{asset.id!r} cannot be an asset's id"
            raise AssetError(msg)
        _put(self.by_id, asset.id, asset)
        _put(self.by_coingecko, asset.coingecko, asset)
        if asset.defillama.chain is not None:
            _put(self._by_llama, ("chain", asset.defillama.chain), asset)
        if asset.defillama.protocol is not None:
            _put(self._by_llama, ("protocol", asset.defillama.protocol), asset)
        for repository in asset.repositories:
            if _REPOSITORY.fullmatch(repository.name) is None:
                msg = f"{asset.id}: {repository.name!r} is no owner/name"
                raise AssetError(msg)
            _put(self._by_repository, repository.name.lower(), asset)
        for venue, codes in asset.codes.items():
            for code in codes:
                _put(self._by_code, (venue, code), asset)


def read(text: str) -> Assets:
    """Return the assets that a table in the form of `assets.toml` names.

    Raises:
        AssetError: It contradicts itself.
        msgspec.ValidationError: It has fields that do not belong there, or lacks some.
    """
    table = tomllib.loads(text)
    entries: Mapping[str, object] = table["asset"]
    assets = [
        msgspec.convert({"id": name, **msgspec.convert(entry, dict[str, object])}, Asset)
        for name, entry in entries.items()
    ]
    return Assets(assets, table.get("ambiguous", {}))


def _put(known: dict[_Key, Asset], key: _Key, asset: Asset) -> None:
    if key in known:
        msg = f"{known[key].id} and {asset.id} are both {key}"
        raise AssetError(msg)
    known[key] = asset


ASSETS = read(files("streams.collectors").joinpath("assets.toml").read_text(encoding="utf-8"))
