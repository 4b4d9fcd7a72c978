"""The commands, one module each: they read arguments, call the client or AWS, and print.

What a command needs it imports when it runs: `bridge --help` loads neither websockets nor boto3 nor rich.
"""
