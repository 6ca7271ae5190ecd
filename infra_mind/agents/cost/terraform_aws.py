"""What AWS resources of Terraform cost."""

from __future__ import annotations

from collections.abc import Mapping

from infra_mind.agents.cost.pricer import Handler, Pricer, first_word
from infra_mind.knowledge.prices import Purchase

# Terraform's AWS provider documentation: what counts where the configuration says nothing.
NODE_GROUP_TYPE = "t3.medium"
VOLUME_TYPE = "gp2"
MULTI_AZ = 2  # an RDS standby costs what the primary costs
RDS_ENGINES = {"mysql": "mysql", "postgres": "postgres"}


def instance(pricer: Pricer) -> None:
    """`aws_instance`, its root and attached volumes. Without an instance type it takes that of its launch template."""
    if pricer.resource.get("tenancy") in ("dedicated", "host"):
        return pricer.miss("dedicated tenancy has no dated price")
    market = pricer.resource.get("instance_market_options.0.market_type")
    source = pricer if pricer.has("instance_type") else pricer.at("launch_template.0.id") or pricer
    name = source.word("instance_type")
    if name:
        pricer.machines(name, 1, "spot" if market == "spot" else "on_demand")
    for path in ("root_block_device", "ebs_block_device"):
        for index in range(len(pricer.resource.get(path) or [])):
            _volume(
                pricer, f"{path}.{index}.volume_size", f"{path}.{index}.volume_type", f"{path}.{index}.iops"
            )
    return None


def spot_request(pricer: Pricer) -> None:
    """`aws_spot_instance_request`."""
    if name := pricer.word("instance_type"):
        pricer.machines(name, 1, "spot")


def volume(pricer: Pricer) -> None:
    """`aws_ebs_volume`."""
    _volume(pricer, "size", "type", "iops")


def _volume(pricer: Pricer, size: str, kind: str, iops: str) -> None:
    if not pricer.has(size):
        return pricer.miss(pricer.why(size), "volume")
    gigabytes, name = pricer.number(size), pricer.word(kind, VOLUME_TYPE)
    if gigabytes is None or name is None:
        return None
    pricer.units(f"ebs_{name}", gigabytes, f"{gigabytes:g} GB {name}")
    if name in ("io1", "io2") and (operations := pricer.number(iops)) is not None:
        pricer.units(f"ebs_{name}_iops", operations, f"{operations:g} IOPS {name}")
    return None


def node_group(pricer: Pricer) -> None:
    """`aws_eks_node_group` at its desired size."""
    kinds = pricer.resource.get("instance_types")
    template = pricer.at("launch_template.0.id")
    if kinds is None and template:
        name = template.word("instance_type")
    else:
        name = NODE_GROUP_TYPE if kinds is None else first_word(kinds)
        if name is None:
            pricer.miss(pricer.why("instance_types"))
    count = pricer.number("scaling_config.0.desired_size")
    if name and count is not None:
        pricer.machines(name, count, _purchase(pricer))


def _purchase(pricer: Pricer) -> Purchase:
    return "spot" if pricer.resource.get("capacity_type") == "SPOT" else "on_demand"


def scaling_group(pricer: Pricer) -> None:
    """`aws_autoscaling_group` at its desired capacity, or its least where none is set."""
    if pricer.has("mixed_instances_policy"):
        return pricer.miss("a mixed instances policy leaves the types to run time")
    count = pricer.number("desired_capacity" if pricer.has("desired_capacity") else "min_size")
    template = (
        pricer.at("launch_template.0.id")
        or pricer.at("launch_template.0.name")
        or pricer.at("launch_configuration")
    )
    if template is None:
        return pricer.miss("its launch template is not among the files")
    name = template.word("instance_type")
    if name and count is not None:
        market = template.resource.get("instance_market_options.0.market_type")
        pricer.machines(name, count, "spot" if market == "spot" else "on_demand")
    return None


def database(pricer: Pricer) -> None:
    """`aws_db_instance`: the instance, its standby and gp2 storage."""
    engine, name, standby = pricer.word("engine"), pricer.word("instance_class"), pricer.flag("multi_az")
    if engine is None or name is None:
        return None
    if standby is None:
        return pricer.miss(pricer.why("multi_az"))
    nodes = MULTI_AZ if standby else 1
    if engine not in RDS_ENGINES:
        pricer.miss(f"no dated price of RDS engine {engine}", name)
    else:
        pricer.units(f"rds_{RDS_ENGINES[engine]}_{name}", nodes, f"{nodes} × {name}")
    if pricer.has("allocated_storage") and (gigabytes := pricer.number("allocated_storage")) is not None:
        kind = pricer.word("storage_type", VOLUME_TYPE) or VOLUME_TYPE
        pricer.units(f"rds_storage_{kind}", gigabytes * nodes, f"{gigabytes * nodes:g} GB {kind}")
    return None


def cache(pricer: Pricer) -> None:
    """`aws_elasticache_cluster`."""
    if pricer.has("replication_group_id"):
        return  # its nodes are those of the replication group
    name, nodes = pricer.word("node_type"), pricer.number("num_cache_nodes", 1)
    if name and nodes is not None:
        pricer.units(f"elasticache_{name}", nodes, f"{nodes:g} × {name}")
    return


def cache_group(pricer: Pricer) -> None:
    """`aws_elasticache_replication_group`: shards × (1 + replicas), or its number of clusters."""
    name = pricer.word("node_type")
    if pricer.has("num_node_groups"):
        shards, replicas = pricer.number("num_node_groups"), pricer.number("replicas_per_node_group", 0)
        nodes = None if shards is None or replicas is None else shards * (1 + replicas)
    else:
        nodes = pricer.number("num_cache_clusters", 1)
    if name and nodes is not None:
        pricer.units(f"elasticache_{name}", nodes, f"{nodes:g} × {name}")


def load_balancer(pricer: Pricer) -> None:
    """`aws_lb`: its hours; capacity units follow the traffic and are not in it."""
    kind = pricer.word("load_balancer_type", "application")
    if kind in ("application", "network"):
        pricer.units("load_balancer", 1, f"{kind} load balancer, without capacity units")
    elif kind:
        pricer.miss(f"no dated price of a {kind} load balancer")


def hourly(sku: str, what: str) -> Handler:
    """A handler for what costs the same every hour."""
    return lambda pricer: pricer.units(sku, 1, what)


HANDLERS: Mapping[str, Handler] = {
    "aws_instance": instance,
    "aws_spot_instance_request": spot_request,
    "aws_ebs_volume": volume,
    "aws_eks_cluster": hourly("eks_cluster", "EKS control plane"),
    "aws_eks_node_group": node_group,
    "aws_autoscaling_group": scaling_group,
    "aws_db_instance": database,
    "aws_elasticache_cluster": cache,
    "aws_elasticache_replication_group": cache_group,
    "aws_lb": load_balancer,
    "aws_alb": load_balancer,
    "aws_nat_gateway": hourly("nat_gateway", "NAT gateway, without traffic"),
}
BY_USE = frozenset(
    {
        "aws_s3_bucket", "aws_lambda_function", "aws_dynamodb_table", "aws_cloudfront_distribution", "aws_sqs_queue", "aws_sns_topic",
        "aws_api_gateway_rest_api", "aws_apigatewayv2_api", "aws_efs_file_system", "aws_ecr_repository", "aws_cloudwatch_log_group",
        "aws_kinesis_firehose_delivery_stream", "aws_ecs_service", "aws_sfn_state_machine", "aws_kms_key", "aws_route53_zone",
        "aws_wafv2_web_acl", "aws_cloudtrail", "aws_guardduty_detector", "aws_backup_plan", "aws_secretsmanager_secret",
    }
)  # fmt: skip
NO_PRICE = frozenset(
    {
        "aws_elb", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_opensearch_domain", "aws_elasticsearch_domain", "aws_msk_cluster",
        "aws_mq_broker", "aws_redshift_cluster", "aws_neptune_cluster_instance", "aws_docdb_cluster_instance", "aws_emr_cluster",
        "aws_sagemaker_notebook_instance", "aws_sagemaker_endpoint_configuration", "aws_fsx_lustre_file_system", "aws_vpn_connection",
        "aws_ec2_transit_gateway", "aws_vpc_endpoint", "aws_eip", "aws_kinesis_stream", "aws_batch_compute_environment",
    }
)  # fmt: skip
