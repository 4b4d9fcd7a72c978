"""The frames of the wire, in and out. Pure: nothing here touches a socket or a table."""
