"""API Gateway, both generations, and AppSync."""
from core import SECRET, STRICT, row, seed


@seed("apigateway")
def first(at):
    client = at("apigateway")
    for n in at.many(30):
        api = client.create_rest_api(name=f"api {n} é", description="<&>", tags=STRICT if n == 0 else {})["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    child = client.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"]
    client.put_method(restApiId=api, resourceId=child, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=child, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=api, stageName="v1_0-", variables={"token": SECRET})
    client.create_authorizer(restApiId=api, name="auth", type="TOKEN", authorizerUri="arn:x", identitySource="method.request.header.a")
    client.create_model(restApiId=api, name="Model", contentType="application/json", schema="{}")
    client.create_request_validator(restApiId=api, name="both", validateRequestBody=True)
    client.create_api_key(name="key", value=f"{SECRET}-0123456789", enabled=True)
    client.create_usage_plan(name="plan", apiStages=[])
    client.create_domain_name(domainName="api.example.com", certificateArn="arn:aws:acm:us-east-1:123456789012:certificate/x")
    client.create_base_path_mapping(domainName="api.example.com", restApiId=api, basePath="a-b", stage="v1_0-")
    client.create_base_path_mapping(domainName="api.example.com", restApiId=api, stage="v1_0-")
    client.create_vpc_link(name="link", targetArns=["arn:x"])


def apis(at):
    return [{"restApiId": a, "_": a} for a in at.every("apigateway", "get_rest_apis", "items[].id")]


def below(member):
    return lambda _, item, api: f"{api}/{item[member]}"


row("aws:apigateway/restApi:RestApi", "apigateway", "get_rest_apis", "items", "id")
row("aws:apigateway/stage:Stage", "apigateway", "get_stages", "item", below("stageName"), args=apis, skip=["variables"])
row("aws:apigateway/deployment:Deployment", "apigateway", "get_deployments", "items", below("id"), args=apis)
row("aws:apigateway/resource:Resource", "apigateway", "get_resources", "items", below("id"), args=apis)
row("aws:apigateway/authorizer:Authorizer", "apigateway", "get_authorizers", "items", below("id"), args=apis)
row("aws:apigateway/model:Model", "apigateway", "get_models", "items", below("name"), args=apis)
row("aws:apigateway/requestValidator:RequestValidator", "apigateway", "get_request_validators", "items", below("id"), args=apis)
row("aws:apigateway/apiKey:ApiKey", "apigateway", "get_api_keys", "items", "id", skip=["value"])
row("aws:apigateway/usagePlan:UsagePlan", "apigateway", "get_usage_plans", "items", "id")
row("aws:apigateway/domainName:DomainName", "apigateway", "get_domain_names", "items", "domainName", skip=["domainNameStatus"])
row("aws:apigateway/basePathMapping:BasePathMapping", "apigateway", "get_base_path_mappings", "items",
    lambda _, m: f"api.example.com/{'' if m['basePath'] == '(none)' else m['basePath']}",
    args=lambda at: [{"domainName": "api.example.com"}])
row("aws:apigateway/vpcLink:VpcLink", "apigateway", "get_vpc_links", "items", "id", skip=["status"])


@seed("apigatewayv2")
def second(at):
    client = at("apigatewayv2")
    api = client.create_api(Name="http é", ProtocolType="HTTP", Tags=STRICT)["ApiId"]
    client.create_stage(ApiId=api, StageName="$default", StageVariables={"token": SECRET})
    to = client.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://a.example/é")
    client.create_route(ApiId=api, RouteKey="GET /a/{b+}", Target=f"integrations/{to['IntegrationId']}")
    client.create_authorizer(ApiId=api, AuthorizerType="JWT", Name="jwt", IdentitySource=["$request.header.a"])
    client.create_model(ApiId=api, Name="model", Schema="{}")
    client.create_vpc_link(Name="link", SubnetIds=at.subnets[:1], Tags=STRICT)
    client.create_domain_name(DomainName="v2.example.com", Tags=STRICT)
    client.create_api_mapping(ApiId=api, DomainName="v2.example.com", Stage="$default")
    for n in range(2):
        at("appsync").create_graphql_api(name=f"graph {n}", authenticationType="API_KEY", tags=STRICT)


def second_apis(at):
    return [{"ApiId": a, "_": a} for a in at.every("apigatewayv2", "get_apis", "Items[].ApiId")]


row("aws:apigatewayv2/api:Api", "apigatewayv2", "get_apis", "Items", "ApiId")
row("aws:apigatewayv2/stage:Stage", "apigatewayv2", "get_stages", "Items", below("StageName"), args=second_apis, skip=["StageVariables"])
row("aws:apigatewayv2/route:Route", "apigatewayv2", "get_routes", "Items", below("RouteId"), args=second_apis)
row("aws:apigatewayv2/integration:Integration", "apigatewayv2", "get_integrations", "Items", below("IntegrationId"), args=second_apis)
row("aws:apigatewayv2/domainName:DomainName", "apigatewayv2", "get_domain_names", "Items", "DomainName")
row("aws:apigatewayv2/apiMapping:ApiMapping", "apigatewayv2", "get_api_mappings", "Items",
    lambda _, m: f"{m['ApiMappingId']}/v2.example.com", args=lambda at: [{"DomainName": "v2.example.com"}])
row("aws:apigatewayv2/vpcLink:VpcLink", "apigatewayv2", "get_vpc_links", "Items", "VpcLinkId", skip=["VpcLinkStatus"])
row("aws:appsync/graphQLApi:GraphQLApi", "appsync", "list_graphql_apis", "graphqlApis", "apiId")
