"""The CDK app: one stack, for the environment that `-c env=…` names. It calls no AWS."""

import sys

from aws_cdk import App

from stacks.bridge_stack import BridgeStack
from stacks.settings import SettingsError, read


def main() -> None:
    """Synthesize, or exit with what is wrong with a setting."""
    app = App()
    try:
        settings = read(app.node.get_all_context())
    except SettingsError as e:
        sys.exit(f"error: {e}")
    BridgeStack(app, settings)
    app.synth()


if __name__ == "__main__":
    main()
