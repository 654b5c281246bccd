"""A stand-in for Claude: a real HTTP server that speaks the Anthropic Messages API on loopback.

It is the demo's simulated model and the tests' counterpart. It refuses what the real API refuses, answers in the
same shapes, breaks on request by a script, and keeps a bill to compare with our ledger.

A request's way: ``envelope`` lets it in, ``message_api`` reads it, in the words of one of the ``platforms`` or of a
``plain`` server, ``dialect`` and ``rules`` judge it, ``faults`` says what goes wrong with it, ``answers`` composes what
comes back, ``bill`` charges it, ``delivery`` sends it. All but ``server``, ``envelope``, ``delivery`` and the ``*_api``
modules are pure: the same request has the same answer, and time is an argument.

To start one: ``server.serve`` with ``settings.FakeClaudeSettings``. They are not imported here, because the server
loads the SDK's types, which takes two seconds, and every command reads the settings. Nothing else of ``agents`` knows
this package: it is met over HTTP only.
"""
