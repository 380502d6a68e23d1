{{- define "kinesis-sink-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* 50 characters leave room for the suffixes of the objects' names. */}}
{{- define "kinesis-sink-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "kinesis-sink-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails on a quantity that Kubernetes cannot read, with what was probably meant: 512Mi for 512MB, 500m for 0.5cores. */}}
{{- define "kinesis-sink-operator.checkQuantities" -}}
{{- range $value := list "resources" "workerResources" -}}
{{- range $list := list "requests" "limits" -}}
{{- range $name, $given := dig $list dict (get $.Values $value | default dict) -}}
{{- $quantity := toString $given -}}
{{- if not (regexMatch "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$" $quantity) -}}
{{- $meant := "" -}}
{{- if regexMatch "(?i)^[0-9]+([.][0-9]+)? *[kmgtpe](i?b|i)$" $quantity -}}
{{- $meant = printf ": did you mean %s%si?" (regexFind "^[0-9.]+" $quantity) (regexFind "[A-Za-z]" $quantity | upper) -}}
{{- else if regexMatch "(?i)^[0-9]*[.]?[0-9]+ *(v?cpus?|cores?)$" $quantity -}}
{{- $meant = printf ": did you mean %dm?" (mulf 1000 (regexFind "^[0-9.]+" $quantity | float64) | int) -}}
{{- end -}}
{{- fail (printf "%s.%s.%s: must be a quantity, for example 100m or 512Mi%s" $value $list $name $meant) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kinesis-sink-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kinesis-sink-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "kinesis-sink-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "kinesis-sink-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: pulsar-kinesis-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "kinesis-sink-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "kinesis-sink-operator.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* By class and not by release, so that Helm refuses a second release of a class. */}}
{{- define "kinesis-sink-operator.roleName" -}}
{{- printf "kinesis-sink-operator-class-%s" .Values.operatorClass -}}
{{- end -}}

{{/* The condition of an admission policy under which it looks at a request: it is the operator's. */}}
{{- define "kinesis-sink-operator.byOperator" -}}
- name: by-the-operator
  expression: >-
    request.userInfo.username ==
    'system:serviceaccount:{{ .Release.Namespace }}:{{ include "kinesis-sink-operator.serviceAccountName" . }}'
{{- end -}}

{{/* A reference from {repository, tag, digest}; takes (dict "image" … "chart" .Chart). */}}
{{- define "kinesis-sink-operator.imageReference" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "kinesis-sink-operator.image" -}}
{{- include "kinesis-sink-operator.imageReference" (dict "image" .Values.image "chart" .Chart) -}}
{{- end -}}

{{- define "kinesis-sink-operator.workerImage" -}}
{{- $own := .Values.workerImage -}}
{{- if or $own.repository $own.tag $own.digest -}}
{{- $repository := $own.repository | default .Values.image.repository -}}
{{- $image := dict "repository" $repository "tag" $own.tag "digest" $own.digest -}}
{{- include "kinesis-sink-operator.imageReference" (dict "image" $image "chart" .Chart) -}}
{{- else -}}
{{- include "kinesis-sink-operator.image" . -}}
{{- end -}}
{{- end -}}
