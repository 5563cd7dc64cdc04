{{- define "emberline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The names of everything begin with it. 40 characters leave room for what follows. */}}
{{- define "emberline.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "emberline.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "emberline.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector goes by: it must not change with a version. */}}
{{- define "emberline.selector" -}}
app.kubernetes.io/name: {{ include "emberline.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "emberline.labels" -}}
{{ include "emberline.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: emberline
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "emberline.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "emberline.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "emberline.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "emberline.secret" -}}
{{- .Values.secrets.existingSecret | default (include "emberline.fullname" .) -}}
{{- end -}}

{{/* Where the keys of the Secret are mounted. */}}
{{- define "emberline.secretsPath" -}}/run/secrets/emberline{{- end -}}

{{/* The port of an address such as 0.0.0.0:9464 or [::]:9464. */}}
{{- define "emberline.port" -}}
{{- $port := regexFind "[0-9]+$" . -}}
{{- if or (not $port) (eq $port "0") -}}
{{- fail (printf "%q: an address with a port that is not 0 is expected, for the probes to ask" .) -}}
{{- end -}}
{{- $port -}}
{{- end -}}

{{/* A duration of the configuration, such as "25s" or "1m 30s", in whole seconds, rounded up. */}}
{{- define "emberline.seconds" -}}
{{- $text := . -}}
{{- $millis := dict "ms" 1 "millis" 1 "msec" 1 "s" 1000 "sec" 1000 "secs" 1000 "second" 1000 "seconds" 1000 "m" 60000 "min" 60000 "mins" 60000 "minute" 60000 "minutes" 60000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+\\s*[a-z]+" $text -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- if not (hasKey $millis $unit) -}}
{{- fail (printf "%q: write a number and ms, s or m, as in \"25s\"" $text) -}}
{{- end -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (get $millis $unit)) -}}
{{- end -}}
{{- div (add $sum 999) 1000 -}}
{{- end -}}

{{/*
What holds of the configuration: the values, and what the chart decides. The sections that
templates ask for keys of are all there. The portal's is not: a process reads each file that its
configuration names, and the portal's secrets are for the portal alone.
*/}}
{{- define "emberline.settings" -}}
{{- $config := omit (deepCopy .Values.config) "portal" -}}
{{- range $section := list "kafka" "topics" "service" "http" "shutdown" -}}
{{- if not (get $config $section) -}}{{- $_ := set $config $section dict -}}{{- end -}}
{{- end -}}
{{- $_ := required "config.kafka.brokers is needed: where Kafka is, as in kafka-bootstrap.kafka:9092" $config.kafka.brokers -}}
{{- $_ := required "config.service.app_key is needed: it names your application to the service" $config.service.app_key -}}
{{- $path := include "emberline.secretsPath" . -}}
{{- $_ := set $config.service "app_secret_file" (printf "%s/%s" $path .Values.secrets.appSecretKey) -}}
{{- if .Values.secrets.kafkaProperties -}}
{{- $files := dict -}}
{{- range $property, $key := .Values.secrets.kafkaProperties -}}
{{- $_ := set $files $property (printf "%s/%s" $path $key) -}}
{{- end -}}
{{- $_ := set $config.kafka "properties_files" $files -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{/* The portal's configuration: that of all, and its own section with its own secrets. */}}
{{- define "emberline.portalSettings" -}}
{{- $config := include "emberline.settings" . | fromJson -}}
{{- $portal := deepCopy .Values.config.portal -}}
{{- $path := include "emberline.secretsPath" . -}}
{{- $_ := set $portal "token_key_file" (printf "%s/%s" $path .Values.secrets.portalTokenKey) -}}
{{- with .Values.secrets.portalCookieKey -}}
{{- $_ := set $portal "cookie_key_file" (printf "%s/%s" $path .) -}}
{{- end -}}
{{- $_ := set $config "portal" $portal -}}
{{- toJson $config -}}
{{- end -}}

{{/* The kinds of workers that have a Deployment, separated by blanks. */}}
{{- define "emberline.kinds" -}}
{{- $settings := include "emberline.settings" . | fromJson -}}
{{- $topics := $settings.topics -}}
{{- $customers := hasKey $topics "customers" | ternary $topics.customers (list "customers") -}}
{{- $orders := hasKey $topics "orders" | ternary $topics.orders (list "orders") -}}
{{- $kinds := list -}}
{{- range $kind := list "claims" "bindings" "repartition" "devices" "retries" -}}
{{- $worker := include "emberline.worker" (dict "root" $ "kind" $kind) | fromJson -}}
{{- if and $worker.enabled (or (ne $kind "claims") $customers $orders) (or (ne $kind "repartition") $topics.repartition) -}}
{{- $kinds = append $kinds $kind -}}
{{- end -}}
{{- end -}}
{{- join " " $kinds -}}
{{- end -}}

{{/* The topics that a kind reads, where their lag says how many replicas it needs: settings, and kind. */}}
{{- define "emberline.topicsOf" -}}
{{- $topics := .settings.topics -}}
{{- $repartition := $topics.repartition | default list -}}
{{- $prefix := $topics.prefix | default "emberline" -}}
{{- $read := list -}}
{{- $keyed := list -}}
{{- range $topic := hasKey $topics "devices" | ternary $topics.devices (list "devices") -}}
{{- if not (has $topic $repartition) -}}
{{- $keyed = append $keyed $topic -}}
{{- end -}}
{{- end -}}
{{- if eq .kind "devices" -}}
{{- $read = $keyed -}}
{{- if $repartition -}}
{{- $read = append $read (printf "%s.devices" $prefix) -}}
{{- end -}}
{{- else if eq .kind "repartition" -}}
{{- $read = $repartition -}}
{{- /* Where all telemetry is keyed anew, the bindings are divided alike. */ -}}
{{- if and $repartition (not $keyed) (ne ((.settings.join | default dict).table | default "auto") "all") -}}
{{- $read = append $read (printf "%s.customer-devices" $prefix) -}}
{{- end -}}
{{- else if eq .kind "bindings" -}}
{{- $read = hasKey $topics "bindings" | ternary $topics.bindings (list "bindings") -}}
{{- else if eq .kind "claims" -}}
{{- $customers := hasKey $topics "customers" | ternary $topics.customers (list "customers") -}}
{{- $orders := hasKey $topics "orders" | ternary $topics.orders (list "orders") -}}
{{- $read = concat $customers $orders -}}
{{- end -}}
{{- dict "topics" $read | toJson -}}
{{- end -}}

{{/* A kind's values: its own, laid over those of all. */}}
{{- define "emberline.worker" -}}
{{- $worker := mergeOverwrite (deepCopy .root.Values.workers.defaults) (deepCopy (get .root.Values.workers .kind | default dict)) -}}
{{- $scaling := $worker.autoscaling -}}
{{- if ne $scaling.by "none" -}}
{{- if gt (int $scaling.maxReplicas) (int $worker.partitions) -}}
{{- fail (printf "workers.%s: autoscaling.maxReplicas is %d, and there are %d partitions: more workers than partitions have nothing to do" .kind (int $scaling.maxReplicas) (int $worker.partitions)) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "workers.%s: autoscaling.minReplicas is more than maxReplicas" .kind) -}}
{{- end -}}
{{- if and (eq $scaling.by "lag") (eq .kind "retries") -}}
{{- fail "workers.retries: autoscaling.by lag would count what waits until it is due; use cpu or none" -}}
{{- end -}}
{{- end -}}
{{- toJson $worker -}}
{{- end -}}

{{/* Longer than a stopping process may take: its drain, and ten seconds to leave. */}}
{{- define "emberline.gracePeriod" -}}
{{- $settings := include "emberline.settings" . | fromJson -}}
{{- add (include "emberline.seconds" ($settings.shutdown.drain | default "25s") | int) 10 -}}
{{- end -}}

{{/*
Annotations that change with what a pod reads only at its start: root, and the settings (as JSON)
that it goes by.
*/}}
{{- define "emberline.checksums" -}}
checksum/config: {{ .settings | sha256sum }}
{{- if not .root.Values.secrets.existingSecret }}
checksum/secret: {{ .root.Values.secrets.values | toJson | sha256sum }}
{{- end }}
{{- end -}}

{{/*
The pod's part that is the same for all: root, component, and where they differ the key of its
configuration, and the keys of the Secret that it reads beside those of all.
*/}}
{{- define "emberline.podSpec" -}}
serviceAccountName: {{ include "emberline.serviceAccount" .root }}
automountServiceAccountToken: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "emberline.gracePeriod" .root }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .root.Values.pod.runAsUser }}
  runAsGroup: {{ .root.Values.pod.runAsUser }}
  fsGroup: {{ .root.Values.pod.runAsUser }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $labels := printf "%s\napp.kubernetes.io/component: %s" (include "emberline.selector" .root) .component | fromYaml }}
{{- with .root.Values.pod.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - topologyKey: {{ .topologyKey }}
    maxSkew: {{ .maxSkew | default 1 }}
    whenUnsatisfiable: {{ .whenUnsatisfiable | default "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- toYaml $labels | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "emberline.fullname" .root }}
      items:
        - key: {{ .config | default "emberline.toml" }}
          path: emberline.toml
  - name: secrets
    secret:
      secretName: {{ include "emberline.secret" .root }}
      defaultMode: 0440
      items:
        {{- $secrets := .root.Values.secrets }}
        {{- range concat (list $secrets.appSecretKey) (values $secrets.kafkaProperties | sortAlpha) $secrets.files (.keys | default list) | uniq }}
        - key: {{ . }}
          path: {{ . }}
        {{- end }}
{{- end -}}

{{/* The container's part that is the same for all. */}}
{{- define "emberline.container" -}}
image: {{ include "emberline.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: config
    mountPath: /etc/emberline
    readOnly: true
  - name: secrets
    mountPath: {{ include "emberline.secretsPath" . }}
    readOnly: true
{{- end -}}

{{- define "emberline.env" -}}
- name: EMBERLINE_CONFIG
  value: /etc/emberline/emberline.toml
# The image sets it for who mounts a configuration of their own; the environment wins.
- name: EMBERLINE__HTTP__LISTEN
  value: {{ .Values.config.http.listen | quote }}
{{- with .Values.pod.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Probes of a port's /livez and /readyz. */}}
{{- define "emberline.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: {{ .port }} }
  {{- toYaml .root.Values.probes.startup | nindent 2 }}
livenessProbe:
  httpGet: { path: /livez, port: {{ .port }} }
  {{- toYaml .root.Values.probes.liveness | nindent 2 }}
readinessProbe:
  httpGet: { path: /readyz, port: {{ .port }} }
  {{- toYaml .root.Values.probes.readiness | nindent 2 }}
{{- end -}}

{{/* Settings as TOML: sections of keys. What is deeper stands in one line. */}}
{{- define "emberline.toml" -}}
{{- range $section, $keys := . -}}
{{- if $keys -}}
[{{ $section }}]
{{ range $key, $value := $keys -}}
{{- if not (kindIs "invalid" $value) -}}
{{ $key }} = {{ include "emberline.tomlValue" $value }}
{{ end -}}
{{- end }}
{{ end -}}
{{- end -}}
{{- end -}}

{{/* A text in JSON's quotes is one in TOML's; so are numbers and booleans. */}}
{{- define "emberline.tomlValue" -}}
{{- if kindIs "map" . -}}
{{- $entries := list -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $entries = append $entries (printf "%s = %s" (toRawJson $key) (include "emberline.tomlValue" $value)) -}}
{{- end -}}
{{- end -}}
{ {{ join ", " $entries }} }
{{- else if kindIs "slice" . -}}
{{- $items := list -}}
{{- range . -}}
{{- $items = append $items (include "emberline.tomlValue" .) -}}
{{- end -}}
[{{ join ", " $items }}]
{{- else -}}
{{- toRawJson . -}}
{{- end -}}
{{- end -}}
