"""The bridge as an MCP server: tools for another AI. It needs the extra `mcp`, and is imported only then."""
