"""The agent role while everything it asks fails in turn, and what the topics hold afterwards."""
