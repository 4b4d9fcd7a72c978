"""What it runs on, and where it is reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from aws_cdk import Duration
from aws_cdk.aws_ec2 import ISecurityGroup, IVpc, SubnetSelection
from aws_cdk.aws_lambda import Architecture

from claude_context_bridge import limits
from claude_context_bridge.domain import Domain


@dataclass(frozen=True, kw_only=True)
class RuntimeProps:
    """What it runs on, and where it is reached."""

    answer_timeout: Duration = field(default_factory=lambda: Duration.seconds(900))
    """The longest turn, 60 to 900 seconds, and the queue's visibility timeout. Lambda's longest: an answer
    that was paid for is not to be cut off by a default."""

    hold_seconds: Annotated[int, limits.HOLD_SECONDS] = 90
    """How long after its function was killed a turn is taken up again, and its session blocked; never longer
    than `answer_timeout`. 90 leaves room for two renewals that fail before a running answer's turn is taken
    for a dead one's."""

    answer_memory_mb: Annotated[int, limits.MEMORY_MB] = 1024
    """Memory of the functions that answer and remember. CPU comes with memory: half a core here."""

    memory_mb: Annotated[int, limits.MEMORY_MB] = 512
    """Memory of each other function."""

    architecture: Architecture = field(default_factory=lambda: Architecture.ARM_64)
    """What the functions run on. arm64 costs a fifth less."""

    snap_start: Annotated[bool, limits.SWITCH] = False
    """Whether the functions that somebody waits for (connect, message, answer) start from a snapshot of their
    initialized selves. Off by default: Lambda bills the snapshots by the hour, whether anybody talks or
    not, and takes them away after 14 days in which nobody does: whoever comes then is refused for as long as
    a new one takes."""

    vpc: IVpc | None = None
    """The network that the functions run in. It has to lead to AWS's services and to Claude (a NAT, or
    endpoints and a proxy server of the Messages wire). None by default: nothing here needs one, and a NAT
    costs more than all the rest."""

    vpc_subnets: SubnetSelection | None = None
    """Which of its subnets; by default those with a way out that are not public. Only with `vpc`."""

    security_groups: Sequence[ISecurityGroup] | None = None
    """The functions' security groups; by default one is made that lets everything out. Only with `vpc`."""

    domain: Domain | None = None
    """A name of your own for the API, with its certificate. By default clients connect to the name that
    API Gateway gives, which is another one after the API was replaced."""

    stage_name: Annotated[str, limits.STAGE_NAME] = "live"
    """The WebSocket API's stage: the last part of the URL, unless there is a `domain`."""

    callback_url: Annotated[str, limits.CALLBACK_URL] = ""
    """Where to post to connections, for a gateway that is not at AWS's address; `{api_id}` and `{stage}`
    are filled in."""

    route_response: Annotated[bool, limits.SWITCH] = True
    """Whether the API declares that what the message function returns goes back to the client, without
    which API Gateway drops it. False for MiniStack, which always sends it and knows no such resource."""

    poll_queue: Annotated[bool, limits.SWITCH] = True
    """Whether Lambda feeds the answer function from the queue; False where something else does."""

    poll_stream: Annotated[bool, limits.SWITCH] = True
    """Whether Lambda feeds the remember function from the table's stream; False where something else does."""
