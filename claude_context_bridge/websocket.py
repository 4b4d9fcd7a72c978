"""The WebSocket API: its routes, and one throttled stage."""

from aws_cdk import Stack
from aws_cdk.aws_apigatewayv2 import (
    ThrottleSettings,
    WebSocketApi,
    WebSocketRouteOptions,
    WebSocketStage,
)
from aws_cdk.aws_apigatewayv2_authorizers import WebSocketIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration
from aws_cdk.aws_lambda import IFunction
from constructs import Construct

from claude_context_bridge.domain import Domain, lead_to


class WebSocket(Construct):
    """`$connect`, `$disconnect`, and `$default` for every message, whose function replies itself.

    No action has a route of its own, so that an unknown one gets the bridge's error and not silence. Only
    where clients of the original can come, `query` has: on a route with a response API Gateway is said to
    send an empty frame for a reply without a body, and they take the first frame for their answer. That
    route has no response, and its function posts what it has to say.

    With `iam` API Gateway lets in whoever signs the handshake (SigV4) and may invoke `connect_arn`; it asks
    on `$connect` only, so that every frame after it is let through.

    `url` is what clients connect to, `callback_url` where to post to them: always at the stage's own address,
    which is there before a `domain`'s records are known everywhere, and whose region is told by its name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connect: IFunction,
        disconnect: IFunction,
        message: IFunction,
        stage_name: str,
        throttle_rate: int,
        throttle_burst: int,
        callback_url: str = "",
        route_response: bool = True,
        original_clients: bool = False,
        iam: bool = False,
        domain: Domain | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = WebSocketApi(
            self,
            "Api",
            description="Claude Context Bridge",
            route_selection_expression="$request.body.action",
            connect_route_options=_route(connect, "Connect", iam=iam),
            disconnect_route_options=_route(disconnect, "Disconnect"),
            default_route_options=_route(message, "Message", returns=route_response),
        )
        if original_clients:
            query = WebSocketLambdaIntegration("Query", message)
            self.api.add_route("query", integration=query, return_response=False)
        self.stage = WebSocketStage(
            self,
            "Stage",
            web_socket_api=self.api,
            stage_name=stage_name,
            auto_deploy=True,
            throttle=ThrottleSettings(rate_limit=throttle_rate, burst_limit=throttle_burst),
        )
        # The stage deploys what the API has when it is made: let that be every route, and the reply of one.
        self.stage.node.add_dependency(self.api)
        if domain:
            lead_to(self.api, self.stage, domain, scope=Construct(self, "Domain"))
        self.url = f"wss://{domain.name}" if domain else self.stage.url
        self.callback_url = (
            callback_url.format(api_id=self.api.api_id, stage=stage_name)
            if callback_url
            else self.stage.callback_url
        )

    @property
    def posts_arn(self) -> str:
        """What a policy names to let posts through to any connection of this stage, and to no other."""
        return Stack.of(self).format_arn(
            service="execute-api",
            resource=self.api.api_id,
            resource_name=f"{self.stage.stage_name}/POST/@connections/*",
        )

    @property
    def connect_arn(self) -> str:
        """What a policy names to let somebody connect to this stage, where API Gateway asks IAM."""
        return Stack.of(self).format_arn(
            service="execute-api",
            resource=self.api.api_id,
            resource_name=f"{self.stage.stage_name}/$connect",
        )


def _route(
    function: IFunction, name: str, *, returns: bool = False, iam: bool = False
) -> WebSocketRouteOptions:
    return WebSocketRouteOptions(
        integration=WebSocketLambdaIntegration(name, function),
        return_response=returns,
        authorizer=WebSocketIamAuthorizer() if iam else None,
    )
