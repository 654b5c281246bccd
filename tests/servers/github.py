"""A GitHub for tests: REST with pages, ETags and limits, git's advertisement, and histories that are scripted.

Shapes after GitHub's REST documents, gitprotocol-http and octokit/webhooks; only what a collector reads is there.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import trustme
from aiohttp import web

from tests.servers.web import WebServer

Item = dict[str, Any]


def told(at_ms: int) -> str:
    """Return a time as GitHub writes it: to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha_of(*what: object) -> str:
    return hashlib.sha1(repr(what).encode(), usedforsecurity=False).hexdigest()


@dataclass
class Repo:
    """One repository: a branch, and what happens beside it."""

    name: str
    id: int
    parent: "Repo | None" = None
    branch: str = "main"
    commits: list[Item] = field(default_factory=list)
    """Newest first, as the listing has them; the first is the head."""
    issues: list[Item] = field(default_factory=list)
    releases: list[Item] = field(default_factory=list)
    remarks: list[Item] = field(default_factory=list)
    comments: list[Item] = field(default_factory=list)
    status: int = 200
    """404, 451, 403: what becomes of everything that is asked of it."""
    moved_to: str = ""
    hidden: int = 0
    """So many of the newest commits are not in the listing yet: REST is behind git."""
    git_behind: int = 0
    """So many of the newest commits git does not advertise yet."""
    git_status: int = 200

    def commit(
        self,
        at_ms: int,
        who: str = "ann",
        *,
        authored_ms: int | None = None,
        message: str = "",
        bot: bool = False,
        parents: int = 1,
    ) -> str:
        """Put a commit onto the branch."""
        message = message or f"work {len(self.commits)} at {at_ms}"
        sha = sha_of(self.name, at_ms, who, authored_ms, message, len(self.commits))
        self.commits.insert(
            0, commit(sha, at_ms, who, authored_ms or at_ms, message, bot=bot, parents=parents)
        )
        return sha

    def thing(self, at_ms: int, who: str = "ann", *, pull: bool = False, bot: bool = False) -> int:
        """Open an issue or a pull request."""
        number = len(self.issues) + 1
        item: Item = {"number": number, "created_at": told(at_ms), "user": user(who, bot=bot)}
        if pull:
            item["pull_request"] = {"merged_at": None}
        self.issues.insert(0, item)
        return number

    def release(self, at_ms: int, who: str = "ann") -> int:
        number = self.id * 1_000 + len(self.releases) + 1
        self.releases.insert(
            0, {"id": number, "published_at": told(at_ms), "draft": False, "author": user(who)}
        )
        return number

    def reviewed(self, at_ms: int, review_id: int, who: str = "ann") -> None:
        """Comment on a line, as a part of a review."""
        self.remarks.insert(
            0,
            {
                "id": self.id * 1_000 + len(self.remarks) + 1,
                "created_at": told(at_ms),
                "user": user(who),
                "pull_request_review_id": review_id,
            },
        )


def user(login: str, *, bot: bool = False) -> Item:
    return {"login": login, "id": 1, "type": "Bot" if bot else "User"}


def commit(
    sha: str,
    at_ms: int,
    who: str,
    authored_ms: int,
    message: str,
    *,
    bot: bool = False,
    parents: int = 1,
) -> Item:
    return {
        "sha": sha,
        "commit": {
            "author": {"name": who, "email": f"{who}@example.org", "date": told(authored_ms)},
            "committer": {"name": who, "email": f"{who}@example.org", "date": told(at_ms)},
            "message": message,
        },
        "author": user(who, bot=bot),
        "parents": [{"sha": sha_of(sha, n)} for n in range(parents)],
    }


class Github:
    """The service. Faults are planted at `api.faults` and `git.faults`."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        limit: int = 5_000,
        keyless: bool = False,
        authority: trustme.CA | None = None,
    ) -> None:
        self.repos: dict[str, Repo] = {}
        self.now_ms, self.limit, self.keyless = now_ms, limit, keyless
        self.used = 0
        self.skew_ms = 0
        """Its clock is so far ahead of everybody's."""
        self.tokens: set[str] | None = None
        """Those it knows; None: any, and none."""
        self.answers: list[tuple[str, int]] = []
        """What was asked for, and the status it got."""
        self.api = WebServer(self._api, authority=authority)
        self.git = WebServer(self._git, authority=authority)

    async def __aenter__(self) -> Self:
        await self.api.__aenter__()
        await self.git.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.api.__aexit__(kind, error, trace)
        await self.git.__aexit__(kind, error, trace)

    def repo(self, name: str, parent: Repo | None = None) -> Repo:
        made = Repo(name, 100 + len(self.repos), parent=parent)
        self.repos[name.lower()] = made
        return made

    @property
    def statuses(self) -> list[int]:
        return [status for _, status in self.answers]

    async def _api(self, request: web.Request) -> web.StreamResponse:
        response = self._answer(request)
        if response.status != 304 or self.keyless:
            self.used += 1
        left = max(0, self.limit - self.used)
        now_s = (self.now_ms() + self.skew_ms) // 1000
        response.headers.update(
            {
                "X-RateLimit-Limit": str(self.limit),
                "X-RateLimit-Remaining": str(left),
                "X-RateLimit-Reset": str(now_s + 3_600),
                "Date": datetime.fromtimestamp(now_s, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            }
        )
        self.answers.append((request.path_qs, response.status))
        return response

    def _answer(self, request: web.Request) -> web.Response:
        asked = request.headers.get("Authorization", "").removeprefix("token ")
        if self.tokens is not None and asked not in self.tokens:
            return web.json_response({"message": "Bad credentials"}, status=401)
        if self.used >= self.limit:
            return web.json_response({"message": "API rate limit exceeded for you"}, status=403)
        repo, rest = self._repo(request.path.strip("/").split("/"))
        if repo is None:
            return web.json_response({"message": "Not Found"}, status=404)
        if request.path.startswith("/repos/") and repo.moved_to:
            where = f"{self.api.url}/repositories/{repo.id}{'/' if rest else ''}{rest}"
            where += f"?{request.query_string}" if request.query_string else ""
            return web.Response(status=301, headers={"Location": where})
        if repo.status != 200:
            return web.json_response({"message": "no"}, status=repo.status)
        return self._page(request, repo, rest)

    def _repo(self, path: list[str]) -> tuple[Repo | None, str]:
        if path[0] == "repositories":
            found = [repo for repo in self.repos.values() if str(repo.id) == path[1]]
            return (found[0] if found else None), "/".join(path[2:])
        return self.repos.get("/".join(path[1:3]).lower()), "/".join(path[3:])

    def _page(self, request: web.Request, repo: Repo, rest: str) -> web.Response:
        if rest == "":
            return self._with_etag(request, described(repo))
        if rest.startswith("compare/"):
            theirs = {item["sha"] for item in repo.parent.commits} if repo.parent else set()
            own = [item for item in reversed(repo.commits) if item["sha"] not in theirs]
            items, _ = paged(request, own)
            return self._with_etag(request, {"total_commits": len(own), "commits": items})
        listings = {
            "commits": repo.commits[repo.hidden :],
            "issues": repo.issues,
            "releases": repo.releases,
            "pulls/comments": repo.remarks,
            "issues/comments": repo.comments,
        }
        items, after = paged(request, listings[rest])
        response = self._with_etag(request, items)
        if after:
            query = {**request.query, "page": str(after)}
            where = request.url.with_path(f"/repositories/{repo.id}/{rest}").with_query(query)
            response.headers["Link"] = f'<{where}>; rel="next", <{where}>; rel="last"'
        return response

    def _with_etag(self, request: web.Request, content: object) -> web.Response:
        body = json.dumps(content).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, content_type="application/json", headers={"ETag": etag})

    async def _git(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/").removesuffix(".git/info/refs")
        repo = self.repos.get(name.lower())
        if repo is None or repo.status != 200 or repo.moved_to:
            renamed = [each for each in self.repos.values() if each.moved_to == name]
            if not renamed:
                return web.Response(status=404)
            repo = renamed[0]
        if repo.git_status != 200:
            return web.Response(status=repo.git_status)
        return web.Response(
            body=advertised(repo), content_type="application/x-git-upload-pack-advertisement"
        )


def described(repo: Repo) -> Item:
    told_of: Item = {
        "id": repo.id,
        "full_name": repo.moved_to or repo.name,
        "default_branch": repo.branch,
        "fork": repo.parent is not None,
    }
    if repo.parent is not None:
        told_of["parent"] = {
            "full_name": repo.parent.name,
            "default_branch": repo.parent.branch,
        }
    return told_of


def paged(request: web.Request, items: list[Item]) -> tuple[list[Item], int]:
    """Return a page of it, and the number of the next one, if there is one."""
    size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
    return items[(page - 1) * size : page * size], page + 1 if len(items) > page * size else 0


def packet(line: bytes) -> bytes:
    return f"{len(line) + 4:04x}".encode() + line


def advertised(repo: Repo) -> bytes:
    """Return what git's server says of the repository, in the first version of its protocol."""
    head = b"# service=git-upload-pack\n"
    shown = repo.commits[repo.git_behind :]
    if not shown:
        able = b"0" * 40 + b" capabilities^{}\0multi_ack agent=git/github\n"
        return packet(head) + b"0000" + packet(able) + b"0000"
    sha = shown[0]["sha"].encode()
    branch = repo.branch.encode()
    able = sha + b" HEAD\0multi_ack symref=HEAD:refs/heads/" + branch + b" agent=git/github\n"
    refs = [packet(able), packet(sha + b" refs/heads/" + branch + b"\n")]
    refs += [packet(sha + b" refs/pull/%d/head\n" % number) for number in range(1, 2_000)]
    return packet(head) + b"0000" + b"".join(refs) + b"0000"


def delivered(secret: str, event: str, payload: object, delivery: str = "1") -> dict[str, Any]:
    """Return what a request that delivers a webhook is made of."""
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    return {"data": body, "headers": headers}


def pushed(repo: Repo, commits: list[Item], **changes: object) -> Item:
    """Return the payload of a push of these, newest first as in the listing."""
    return {
        "ref": f"refs/heads/{repo.branch}",
        "forced": False,
        "created": False,
        "deleted": False,
        "repository": described(repo),
        "commits": [
            {
                "id": item["sha"],
                "timestamp": item["commit"]["committer"]["date"],
                "message": item["commit"]["message"],
                "author": {
                    "name": item["commit"]["author"]["name"],
                    "email": item["commit"]["author"]["email"],
                    "username": item["author"]["login"],
                },
            }
            for item in reversed(commits)
        ],
    } | changes
