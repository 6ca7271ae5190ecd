"""One faulty and one clean example for the further rules of Kubernetes and Dockerfiles, in the short form of `examples_containers`."""

from __future__ import annotations

HARDENING: dict[str, tuple[str, str]] = {
    "IM-K8S-SECRET-005": (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: g}\nspec: {values: {adminPassword: Tr0ub4dor-and-3}}",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: g}\nspec: {values: {admin: {existingSecret: grafana-admin-1}}}",
    ),
    "IM-K8S-POD-018": (
        "container:\n  ports: [{containerPort: 80, hostPort: 80}]",
        "container:\n  ports: [{containerPort: 80}]",
    ),
    "IM-K8S-POD-019": ("container:\n  securityContext: {procMount: Unmasked}", "container:\n  image: x"),
    "IM-K8S-POD-020": (
        "pod:\n  securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}\n  containers: [{name: c}]",
        "pod:\n  securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}\n  containers: [{name: c}]",
    ),
    "IM-K8S-POD-021": (
        "container:\n  securityContext: {seLinuxOptions: {type: spc_t}}",
        "container:\n  securityContext: {seLinuxOptions: {type: container_t}}",
    ),
    "IM-K8S-POD-022": (
        "container:\n  securityContext: {appArmorProfile: {type: Unconfined}}",
        "container:\n  securityContext: {appArmorProfile: {type: RuntimeDefault}}",
    ),
    "IM-K8S-POD-023": (
        "pod:\n  securityContext: {windowsOptions: {hostProcess: true}}\n  containers: [{name: c}]",
        "pod:\n  securityContext: {windowsOptions: {hostProcess: false}}\n  containers: [{name: c}]",
    ),
    "IM-K8S-POD-024": (
        "container:\n  securityContext: {capabilities: {add: [SYS_NICE]}}",
        "container:\n  securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}",
    ),
    "IM-K8S-INGRESS-003": (
        "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata:\n  name: i\n  annotations:\n    nginx.ingress.kubernetes.io/server-snippet: return 200;",
        "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata:\n  name: i\n  annotations:\n    nginx.ingress.kubernetes.io/auth-url: https://login.example.com",
    ),
    "IM-K8S-SVC-003": (
        "kind: Service\napiVersion: v1\nmetadata: {name: s}\nspec: {externalIPs: [192.0.2.1]}",
        "kind: Service\napiVersion: v1\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}",
    ),
    "IM-K8S-NET-002": (
        "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: n}\nspec: {egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}",
        "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: n}\nspec: {egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
    ),
    "IM-K8S-RBAC-007": (
        "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: r}\nrules: [{apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], verbs: [patch]}]",
        "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: r}\nrules: [{apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], verbs: [get]}]",
    ),
    "IM-DOCKER-RUN-007": (
        "FROM a:1\nRUN apt-get update",
        "FROM a:1\nRUN apt-get update && apt-get install -y curl",
    ),
    "IM-DOCKER-RUN-008": (
        "FROM a:1\nRUN dnf install -y curl",
        "FROM a:1\nRUN dnf install -y curl && dnf clean all",
    ),
}
