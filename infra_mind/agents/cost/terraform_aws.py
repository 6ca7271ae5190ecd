"""What AWS resources of Terraform cost."""

from __future__ import annotations

from collections.abc import Mapping

from infra_mind.agents.cost.pricer import Handler, Pricer, first_word
from infra_mind.knowledge.prices import Purchase

# Terraform's AWS provider documentation: what counts where the configuration says nothing.
NODE_GROUP_TYPE = "t3.medium"
VOLUME_TYPE = "gp2"
MULTI_AZ = 2  # an RDS standby costs what the primary costs
RDS_ENGINES = {"mysql": "rds_mysql", "postgres": "rds_postgres", "mariadb": "rds_mariadb"}
AURORA_ENGINES = {
    "aurora": "aurora_mysql",
    "aurora-mysql": "aurora_mysql",
    "aurora-postgresql": "aurora_postgres",
}
SEARCH_TYPE = "m4.large.search"
FARGATE_UNITS = 1024.0  # CPU units of a vCPU, MiB of a GiB


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
        for index in range(pricer.blocks_at(path)):
            _device(pricer, pricer, f"{path}.{index}")
    if pricer.flag("associate_public_ip_address"):
        pricer.units("public_ipv4", 1, "public IPv4 address")
    return None


def spot_request(pricer: Pricer) -> None:
    """`aws_spot_instance_request`."""
    if name := pricer.word("instance_type"):
        pricer.machines(name, 1, "spot")


def volume(pricer: Pricer) -> None:
    """`aws_ebs_volume`."""
    _volume(pricer, "size", "type", "iops")


def _volume(
    pricer: Pricer, size: str, kind: str, iops: str, source: Pricer | None = None, times: float = 1
) -> None:
    """A volume as `source` describes it, on each of so many machines of the resource."""
    source = source or pricer
    if not source.has(size):
        return pricer.miss(source.why(size), "volume")
    gigabytes, name = source.number(size), source.word(kind, VOLUME_TYPE)
    if gigabytes is None or name is None:
        return None
    pricer.units(f"ebs_{name}", gigabytes * times, f"{gigabytes * times:g} GB {name}")
    if name in ("io1", "io2") and (operations := source.number(iops)) is not None:
        pricer.units(f"ebs_{name}_iops", operations * times, f"{operations * times:g} IOPS {name}")
    return None


def _device(pricer: Pricer, source: Pricer, path: str, times: float = 1) -> None:
    _volume(pricer, f"{path}.volume_size", f"{path}.volume_type", f"{path}.iops", source, times)


def _devices_of(pricer: Pricer, template: Pricer, times: float) -> None:
    """The disks of a launch template or configuration whose size is given, on each of so many machines."""
    mappings = template.resource.get("block_device_mappings")
    paths = [
        f"block_device_mappings.{i}.ebs.0" for i in range(len(mappings) if isinstance(mappings, list) else 0)
    ]
    for block in ("root_block_device", "ebs_block_device"):
        paths += [f"{block}.{i}" for i in range(template.blocks_at(block))]
    for path in paths:
        if template.has(f"{path}.volume_size"):
            _device(pricer, template, path, times)


def node_group(pricer: Pricer) -> None:
    """`aws_eks_node_group` at its desired size."""
    kinds = pricer.resource.get("instance_types")
    template = pricer.at("launch_template.0.id")
    if kinds is None and template:
        name = template.word("instance_type")
    else:
        name = NODE_GROUP_TYPE if kinds is None else first_word(kinds)
        if kinds is None:
            pricer.default("instance_types", NODE_GROUP_TYPE)
        if name is None:
            pricer.miss(pricer.why("instance_types"))
    pricer.scaled()
    count = pricer.number("scaling_config.0.desired_size")
    if name and count is not None:
        pricer.machines(name, count, _purchase(pricer))
    if template and count is not None:
        _devices_of(pricer, template, count)
    elif pricer.has("disk_size") and count is not None:
        _volume(pricer, "disk_size", "disk_type", "disk_iops", times=count)


def _purchase(pricer: Pricer) -> Purchase:
    return "spot" if pricer.resource.get("capacity_type") == "SPOT" else "on_demand"


def scaling_group(pricer: Pricer) -> None:
    """`aws_autoscaling_group` at its desired capacity, or its least where none is set."""
    if pricer.has("mixed_instances_policy"):
        return pricer.miss("a mixed instances policy leaves the types to run time")
    pricer.scaled()
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
        _devices_of(pricer, template, count)
    return None


def database(pricer: Pricer) -> None:
    """`aws_db_instance`: the instance, its standby and storage."""
    engine, name, standby = pricer.word("engine"), pricer.word("instance_class"), pricer.flag("multi_az")
    if engine is None or name is None:
        return None
    if standby is None:
        return pricer.miss(pricer.why("multi_az"))
    nodes = MULTI_AZ if standby else 1
    if engine not in RDS_ENGINES:
        pricer.miss(f"no dated price of RDS engine {engine}", name)
    else:
        pricer.units(f"{RDS_ENGINES[engine]}_{name}", nodes, f"{nodes} × {name}")
    if pricer.has("allocated_storage") and (gigabytes := pricer.number("allocated_storage")) is not None:
        kind = pricer.word("storage_type", VOLUME_TYPE) or VOLUME_TYPE
        pricer.units(f"rds_storage_{kind}", gigabytes * nodes, f"{gigabytes * nodes:g} GB {kind}")
    return None


def aurora(pricer: Pricer) -> None:
    """`aws_rds_cluster_instance`: Aurora by engine and class; what is stored and read is paid by use."""
    source = pricer if pricer.has("engine") else pricer.at("cluster_identifier") or pricer
    engine, name = source.word("engine", "aurora"), pricer.word("instance_class")
    if engine is None or name is None:
        return None
    if name == "db.serverless":
        return pricer.miss("Aurora Serverless is billed by the capacity units it takes")
    if engine not in AURORA_ENGINES:
        return pricer.miss(f"no dated price of cluster engine {engine}", name)
    return pricer.units(f"{AURORA_ENGINES[engine]}_{name}", 1, name)


def node(prefix: str, path: str, count: str | None = None, least: float = 1) -> Handler:
    """A handler for nodes whose class stands at `path` and number at `count`."""

    def handle(pricer: Pricer) -> None:
        name, nodes = pricer.word(path), pricer.number(count, least) if count else least
        if name and nodes is not None:
            pricer.units(f"{prefix}_{name}", nodes, f"{nodes:g} × {name}")

    return handle


def search(pricer: Pricer) -> None:
    """`aws_opensearch_domain`, `aws_elasticsearch_domain`: data nodes, dedicated masters and their volumes."""
    head = "cluster_config.0."
    name = pricer.word(f"{head}instance_type", SEARCH_TYPE)
    nodes = pricer.number(f"{head}instance_count", 1)
    if name and nodes is not None:
        pricer.units(f"opensearch_{_search_type(name)}", nodes, f"{nodes:g} × {name}")
    if pricer.flag(f"{head}dedicated_master_enabled"):
        master, masters = pricer.word(f"{head}dedicated_master_type"), pricer.number(f"{head}dedicated_master_count")  # fmt: skip
        if master and masters is not None:
            pricer.units(f"opensearch_{_search_type(master)}", masters, f"{masters:g} × master {master}")
    if pricer.has("ebs_options.0.volume_size") and nodes is not None:
        size, kind = pricer.number("ebs_options.0.volume_size"), pricer.word("ebs_options.0.volume_type", VOLUME_TYPE)  # fmt: skip
        if size is not None and kind:
            pricer.units(f"opensearch_storage_{kind}", size * nodes, f"{size * nodes:g} GB {kind}")


def _search_type(name: str) -> str:
    return name.replace(".elasticsearch", ".search")


def endpoint(pricer: Pricer) -> None:
    """`aws_vpc_endpoint`: an interface endpoint by the hour in each of its subnets; gateway endpoints are free."""
    kind = pricer.word("vpc_endpoint_type", "Gateway")
    if kind == "Interface":
        subnets = pricer.resource.get("subnet_ids")
        zones = len(subnets) if isinstance(subnets, list) and subnets else 1
        if not isinstance(subnets, list):
            pricer.default("subnet_ids", zones)
        pricer.units("vpc_endpoint", zones, f"interface endpoint in {zones} subnets, without traffic")
    elif kind and kind != "Gateway":
        pricer.miss(f"no dated price of a {kind} endpoint")


def stream(pricer: Pricer) -> None:
    """`aws_kinesis_stream`: its shards, or the fee of on-demand mode."""
    if pricer.resource.get("stream_mode_details.0.stream_mode") == "ON_DEMAND":
        return pricer.units("kinesis_on_demand", 1, "stream in on-demand mode, without data")
    shards = pricer.number("shard_count")
    return (
        None if shards is None else pricer.units("kinesis_shard", shards, f"{shards:g} shards, without data")
    )


def broker_cluster(pricer: Pricer) -> None:
    """`aws_msk_cluster`: brokers and their volumes."""
    name = pricer.word("broker_node_group_info.0.instance_type")
    nodes = pricer.number("number_of_broker_nodes")
    if name is None or nodes is None:
        return
    pricer.units(f"msk_{name}", nodes, f"{nodes:g} × {name}")
    for path in (
        "broker_node_group_info.0.ebs_volume_size",
        "broker_node_group_info.0.storage_info.0.ebs_storage_info.0.volume_size",
    ):
        if pricer.has(path) and (size := pricer.number(path)) is not None:
            pricer.units("msk_storage", size * nodes, f"{size * nodes:g} GB of brokers")


def broker(pricer: Pricer) -> None:
    """`aws_mq_broker`: one instance, two with a standby, three in a cluster."""
    name, mode = pricer.word("host_instance_type"), pricer.word("deployment_mode", "SINGLE_INSTANCE")
    nodes = {"SINGLE_INSTANCE": 1, "ACTIVE_STANDBY_MULTI_AZ": 2, "CLUSTER_MULTI_AZ": 3}.get(mode or "")
    if name and nodes:
        pricer.units(f"mq_{name}", nodes, f"{nodes} × {name}")


def fargate(pricer: Pricer) -> None:
    """`aws_ecs_service` on Fargate: vCPU and memory of its task definition, at the desired count."""
    provider = pricer.resource.get("capacity_provider_strategy.0.capacity_provider")
    if pricer.resource.get("launch_type") != "FARGATE" and provider != "FARGATE":
        return pricer.miss("its tasks run on machines that are priced as machines, or by a capacity provider")
    task, tasks = pricer.at("task_definition"), pricer.number("desired_count", 1)
    if task is None:
        return pricer.miss("its task definition is not among the files")
    cpu, memory = task.number("cpu"), task.number("memory")
    if cpu is not None and memory is not None and tasks is not None:
        pricer.units("fargate_vcpu", tasks * cpu / FARGATE_UNITS, f"{tasks:g} tasks: vCPU")
        pricer.units("fargate_memory", tasks * memory / FARGATE_UNITS, f"{tasks:g} tasks: memory")
    return None


def firewall_acl(pricer: Pricer) -> None:
    """`aws_wafv2_web_acl`: the list and its rules, without requests."""
    rules = pricer.resource.get("rule")
    pricer.units("waf_acl", 1, "web ACL, without requests", flat=True)
    if isinstance(rules, list) and rules:
        pricer.units("waf_rule", len(rules), f"{len(rules)} rules", flat=True)


def cache(pricer: Pricer) -> None:
    """`aws_elasticache_cluster`."""
    if pricer.has("replication_group_id"):
        return  # its nodes are those of the replication group
    name, nodes = pricer.word("node_type"), pricer.number("num_cache_nodes", 1)
    if name and nodes is not None:
        pricer.units(f"{_cache_sku(pricer)}_{name}", nodes, f"{nodes:g} × {name}")
    return


def _cache_sku(pricer: Pricer) -> str:
    return {"valkey": "elasticache_valkey", "memcached": "elasticache_memcached"}.get(
        str(pricer.resource.get("engine")), "elasticache"
    )


def cache_group(pricer: Pricer) -> None:
    """`aws_elasticache_replication_group`: shards × (1 + replicas), or its number of clusters."""
    name = pricer.word("node_type")
    if pricer.has("num_node_groups"):
        shards, replicas = pricer.number("num_node_groups"), pricer.number("replicas_per_node_group", 0)
        nodes = None if shards is None or replicas is None else shards * (1 + replicas)
    else:
        old = "number_cache_clusters"  # the attribute's name before version 4 of the provider
        nodes = pricer.number(old if pricer.has(old) else "num_cache_clusters", 1)
    if name and nodes is not None:
        pricer.units(f"{_cache_sku(pricer)}_{name}", nodes, f"{nodes:g} × {name}")


def load_balancer(pricer: Pricer) -> None:
    """`aws_lb`: its hours; capacity units follow the traffic and are not in it."""
    kind = pricer.word("load_balancer_type", "application")
    if kind in ("application", "network"):
        pricer.units("load_balancer", 1, f"{kind} load balancer, without capacity units")
    elif kind:
        pricer.miss(f"no dated price of a {kind} load balancer")


def fixed(sku: str, what: str, flat: bool = False) -> Handler:
    """A handler for what costs the same every hour or month."""
    return lambda pricer: pricer.units(sku, 1, what, flat)


HANDLERS: Mapping[str, Handler] = {
    "aws_instance": instance,
    "aws_spot_instance_request": spot_request,
    "aws_ebs_volume": volume,
    "aws_eks_cluster": fixed("eks_cluster", "EKS control plane", flat=True),
    "aws_eks_node_group": node_group,
    "aws_autoscaling_group": scaling_group,
    "aws_db_instance": database,
    "aws_elasticache_cluster": cache,
    "aws_elasticache_replication_group": cache_group,
    "aws_lb": load_balancer,
    "aws_alb": load_balancer,
    "aws_elb": fixed("load_balancer_classic", "classic load balancer, without traffic"),
    "aws_nat_gateway": fixed("nat_gateway", "NAT gateway, without traffic"),
    "aws_eip": fixed("public_ipv4", "public IPv4 address"),
    "aws_rds_cluster_instance": aurora,
    "aws_neptune_cluster_instance": node("neptune", "instance_class"),
    "aws_docdb_cluster_instance": node("docdb", "instance_class"),
    "aws_redshift_cluster": node("redshift", "node_type", "number_of_nodes"),
    "aws_opensearch_domain": search,
    "aws_elasticsearch_domain": search,
    "aws_vpc_endpoint": endpoint,
    "aws_kinesis_stream": stream,
    "aws_msk_cluster": broker_cluster,
    "aws_mq_broker": broker,
    "aws_ecs_service": fargate,
    "aws_wafv2_web_acl": firewall_acl,
    "aws_kms_key": fixed("kms_key", "key, without requests"),
    "aws_secretsmanager_secret": fixed("secret", "secret, without requests"),
    "aws_route53_zone": fixed("route53_zone", "hosted zone, without queries", flat=True),
    "aws_cloudwatch_metric_alarm": fixed("alarm", "alarm on one metric", flat=True),
    "aws_vpn_connection": fixed("vpn_connection", "VPN connection, without traffic"),
    "aws_ec2_transit_gateway_vpc_attachment": fixed(
        "transit_gateway_attachment", "transit gateway attachment, without traffic"
    ),
}
NO_PRICE = frozenset(
    {
        "aws_emr_cluster", "aws_sagemaker_notebook_instance", "aws_sagemaker_endpoint_configuration", "aws_fsx_lustre_file_system",
        "aws_batch_compute_environment", "aws_lambda_provisioned_concurrency_config", "aws_redshiftserverless_workgroup", "aws_memorydb_cluster", "aws_workspaces_workspace", "aws_dms_replication_instance",
        "aws_directory_service_directory", "aws_lightsail_instance",
    }
)  # fmt: skip
