"""One faulty and one clean example for every rule of Kubernetes, compose and Dockerfiles.

Kubernetes: `pod: {...}` is the specification of a Deployment's pod, `container: {...}` its one container; else a whole manifest.
Compose: the service `x`. Dockerfile: its text."""

from __future__ import annotations

_SOCKET = "pod: {containers: [], volumes: [{name: v, hostPath: {path: %s}}]}"
_ROLE = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}, rules: [{apiGroups: [''], resources: [%s], verbs: [%s]}]}"
_BINDING = (
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: %s}, "
    "subjects: [{kind: ServiceAccount, name: %s, namespace: n}]}"
)
_SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: %s}}"
_INGRESS = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {%s}}"

KUBERNETES: dict[str, tuple[str, str]] = {
    "IM-K8S-POD-001": (
        "container: {securityContext: {privileged: true}}",
        "container: {securityContext: {privileged: false}}",
    ),
    "IM-K8S-POD-002": ("pod: {hostPID: true, containers: []}", "pod: {hostPID: false, containers: []}"),
    "IM-K8S-POD-003": (_SOCKET % "/run/containerd/containerd.sock", _SOCKET % "/srv/data"),
    "IM-K8S-POD-004": (_SOCKET % "/etc/ssl", "pod: {containers: [], volumes: [{name: v, emptyDir: {}}]}"),
    "IM-K8S-POD-005": (
        "container: {securityContext: {runAsUser: 0}}",
        "pod: {securityContext: {runAsNonRoot: true}, containers: [{name: c}]}",
    ),
    "IM-K8S-POD-006": (
        "container: {image: a}",
        "container: {securityContext: {allowPrivilegeEscalation: false}}",
    ),
    "IM-K8S-POD-007": (
        "container: {securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}",
        "container: {securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}",
    ),
    "IM-K8S-POD-008": (
        "container: {image: a}",
        "container: {securityContext: {capabilities: {drop: [ALL]}}}",
    ),
    "IM-K8S-POD-009": (
        "container: {image: a}",
        "container: {securityContext: {readOnlyRootFilesystem: true}}",
    ),
    "IM-K8S-POD-010": (
        "container: {image: a}",
        "pod: {securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: c}]}",
    ),
    "IM-K8S-POD-011": (
        "container: {resources: {limits: {cpu: 1}}}",
        "container: {resources: {limits: {cpu: 1, memory: 1Gi}}}",
    ),
    "IM-K8S-POD-012": (
        "container: {resources: {requests: {cpu: 1}}}",
        "container: {resources: {requests: {cpu: 1, memory: 1Gi}}}",
    ),
    "IM-K8S-POD-013": (
        "container: {image: a}",
        "container: {readinessProbe: {httpGet: {path: /, port: 80}}}",
    ),
    "IM-K8S-POD-014": ("container: {image: a}", "container: {livenessProbe: {httpGet: {path: /, port: 80}}}"),
    "IM-K8S-POD-015": (
        "container: {image: 'localhost:5000/a'}",
        "container: {image: 'localhost:5000/a:1.2'}",
    ),
    "IM-K8S-POD-016": ("container: {image: 'a:1.2'}", f"container: {{image: 'a:1.2@sha256:{'0' * 64}'}}"),
    "IM-K8S-POD-017": (
        "container: {image: a}",
        "pod: {automountServiceAccountToken: false, containers: [{name: c}]}",
    ),
    "IM-K8S-NET-001": (
        "container: {image: a}",
        "container: {image: a}\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {podSelector: {}}}",
    ),
    "IM-K8S-RBAC-001": (_ROLE % ("'*'", "get"), _ROLE % ("pods", "get")),
    "IM-K8S-RBAC-002": (_BINDING % ("cluster-admin", "a"), _BINDING % ("view", "a")),
    "IM-K8S-RBAC-003": (_ROLE % ("secrets", "list"), _ROLE % ("secrets", "create")),
    "IM-K8S-RBAC-004": (_ROLE % ("roles", "escalate"), _ROLE % ("pods/log", "get")),
    "IM-K8S-RBAC-005": (_BINDING % ("view", "default"), _BINDING % ("view", "reader")),
    "IM-K8S-RBAC-006": (_ROLE % ("pods", "'*'"), _ROLE % ("pods", "get")),
    "IM-K8S-SECRET-001": (
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {password: czNjcjN0LVBhNTU=}}",
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: kubernetes.io/service-account-token}",
    ),
    "IM-K8S-SECRET-002": (
        "container: {env: [{name: DB_PASSWORD, value: s3cr3t-Pa55}]}",
        "container: {env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
    ),
    "IM-K8S-SECRET-003": (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {url: 'postgres://app:s3cr3tPa55@db/x'}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {url: 'postgres://db/x'}}",
    ),
    "IM-K8S-SECRET-004": (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    token: ghp_" + "a1B2" * 9,
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    checksum: " + "a1b2" * 16,
    ),
    "IM-K8S-SVC-001": (
        _SERVICE % "LoadBalancer",
        _SERVICE % "LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24]",
    ),
    "IM-K8S-SVC-002": (_SERVICE % "NodePort", _SERVICE % "ClusterIP"),
    "IM-K8S-INGRESS-001": (
        _INGRESS % "rules: [{host: a.example.com}]",
        _INGRESS % "tls: [{hosts: [a.example.com], secretName: s}]",
    ),
    "IM-K8S-INGRESS-002": (
        _INGRESS % "ingressClassName: nginx",
        _INGRESS % "ingressClassName: nginx-internal",
    ),
    "IM-K8S-NS-001": (
        "{apiVersion: v1, kind: Namespace, metadata: {name: n}}",
        "{apiVersion: v1, kind: Namespace, metadata: {name: n, labels: {pod-security.kubernetes.io/enforce: restricted}}}",
    ),
}

COMPOSE: dict[str, tuple[str, str]] = {
    "IM-COMPOSE-HOST-001": ("privileged: true", "privileged: false"),
    "IM-COMPOSE-HOST-002": ("network_mode: host", "network_mode: bridge"),
    "IM-COMPOSE-HOST-003": (
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']",
        "volumes: ['data:/data']",
    ),
    "IM-COMPOSE-HOST-004": ("cap_add: [SYS_ADMIN]", "cap_add: [NET_BIND_SERVICE]"),
    "IM-COMPOSE-HOST-005": ("image: a", "security_opt: ['no-new-privileges:true']"),
    "IM-COMPOSE-HOST-006": ("security_opt: ['seccomp=unconfined']", "security_opt: ['seccomp=profile.json']"),
    "IM-COMPOSE-NET-001": ("ports: ['15432:5432']", "ports: ['127.0.0.1:5432:5432']"),
    "IM-COMPOSE-NET-002": ("ports: ['8080:80']", "ports: ['127.0.0.1:8080:80']"),
    "IM-COMPOSE-SECRET-001": (
        "environment: {POSTGRES_PASSWORD: s3cr3t-Pa55}",
        "environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db}",
    ),
    "IM-COMPOSE-RUN-001": ("image: a", "deploy: {resources: {limits: {memory: 512M}}}"),
    "IM-COMPOSE-RUN-002": (
        "healthcheck: {disable: true}",
        "healthcheck: {test: 'curl -f http://localhost/'}",
    ),
    "IM-COMPOSE-RUN-003": ("image: a", "read_only: true"),
    "IM-COMPOSE-RUN-004": ("user: '0:0'", "user: '10001'"),
    "IM-COMPOSE-IMAGE-001": ("image: 'redis:latest'", "image: 'redis:8.0'"),
    "IM-COMPOSE-IMAGE-002": ("image: 'redis:8.0'", f"image: 'redis@sha256:{'0' * 64}'"),
}

DOCKERFILE: dict[str, tuple[str, str]] = {
    "IM-DOCKER-USER-001": ("FROM a:1\nUSER 0:0", "FROM a:1 AS b\nUSER 10001\nFROM b"),
    "IM-DOCKER-FROM-001": ("FROM python", "FROM python:3.13"),
    "IM-DOCKER-FROM-002": ("FROM python:3.13", f"FROM python@sha256:{'0' * 64}"),
    "IM-DOCKER-ADD-001": (
        "FROM a:1\nADD https://example.com/a.tgz /a",
        "FROM a:1\nADD --checksum=sha256:00 https://example.com/a.tgz /a",
    ),
    "IM-DOCKER-ADD-002": ("FROM a:1\nADD src /src", "FROM a:1\nCOPY src /src"),
    "IM-DOCKER-RUN-001": (
        "FROM a:1\nRUN curl -fsSL https://example.com/i.sh \\\n  | bash",
        "FROM a:1\nRUN curl -fsSLo i.sh https://example.com/i.sh",
    ),
    "IM-DOCKER-RUN-002": ("FROM a:1\nRUN chmod -R 777 /app", "FROM a:1\nRUN chmod -R 750 /app"),
    "IM-DOCKER-RUN-003": ("FROM a:1\nRUN sudo make install", "FROM a:1\nRUN make install"),
    "IM-DOCKER-RUN-004": (
        "FROM a:1\nRUN apt-get update && apt-get install -y git",
        "FROM a:1\nRUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*",
    ),
    "IM-DOCKER-RUN-005": (
        "FROM a:1\nRUN pip install flask",
        "FROM a:1\nRUN pip install --require-hashes -r requirements.txt",
    ),
    "IM-DOCKER-RUN-006": (
        "FROM a:1\nRUN pip install --trusted-host example.com flask",
        "FROM a:1\nRUN pip install flask",
    ),
    "IM-DOCKER-SECRET-001": ("FROM a:1\nENV API_TOKEN=q8Zp3rTt0vKx", "FROM a:1\nENV API_HOST=example.com"),
    "IM-DOCKER-SECRET-002": (
        "FROM a:1\nRUN git clone https://bot:s3cr3tPa55@example.com/a.git",
        "FROM a:1\nRUN --mount=type=secret,id=git git clone https://example.com/a.git",
    ),
    "IM-DOCKER-HEALTH-001": (
        "FROM a:1\nHEALTHCHECK NONE",
        "FROM a:1\nHEALTHCHECK CMD curl -f http://localhost/",
    ),
    "IM-DOCKER-EXPOSE-001": ("FROM a:1\nEXPOSE 80 22/tcp", "FROM a:1\nEXPOSE 80"),
}
