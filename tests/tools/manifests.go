package main

import (
	"bufio"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	psapi "k8s.io/pod-security-admission/api"
	pspolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const namespace = "default"

// judge says what an API server with these custom resources would refuse.
type judge struct {
	strict    *json.Serializer
	lenient   *json.Serializer
	resources map[schema.GroupVersionKind]*customResource
	restrict  pspolicy.Evaluator
	seen      map[string]bool
	objects   []map[string]any
	problems  []string
}

// judgeManifests reads objects, prints them as a list in JSON, and says what is wrong with each.
func judgeManifests(input io.Reader, crds []string) ([]string, error) {
	restrict, err := pspolicy.NewEvaluator(pspolicy.DefaultChecks(), nil)
	if err != nil {
		return nil, err
	}
	factory := json.DefaultMetaFactory
	scheme := legacyscheme.Scheme
	j := &judge{
		strict:    json.NewSerializerWithOptions(factory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true}),
		lenient:   json.NewSerializerWithOptions(factory, scheme, scheme, json.SerializerOptions{Yaml: true}),
		resources: map[schema.GroupVersionKind]*customResource{},
		restrict:  restrict,
		seen:      map[string]bool{},
	}
	for _, path := range crds {
		if err := j.learn(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(input))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := j.object(text); err != nil {
			return nil, err
		}
	}
	if len(j.objects) == 0 {
		return nil, errors.New("there are no objects to judge")
	}
	list, err := stdjson.Marshal(j.objects)
	if err != nil {
		return nil, err
	}
	fmt.Println(string(list))
	return j.problems, nil
}

func (j *judge) learn(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	resource, kinds, err := readCustomResource(text)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		j.resources[kind] = resource[kind]
	}
	return nil
}

func (j *judge) object(text []byte) error {
	plain, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return fmt.Errorf("not YAML, or a key is there twice: %w\n%s", err, text)
	}
	// Whole numbers stay whole, as rules of custom resources want them.
	var bare map[string]any
	if err := apijson.Unmarshal(plain, &bare); err != nil {
		return fmt.Errorf("no object: %w\n%s", err, text)
	}
	if len(bare) == 0 {
		return nil
	}
	j.objects = append(j.objects, bare)
	object := &unstructured.Unstructured{Object: bare}
	name := fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
	found := func(problem any) { j.problems = append(j.problems, fmt.Sprintf("%s: %v", name, problem)) }
	if j.seen[name] {
		found("is there twice")
	}
	j.seen[name] = true

	kind := object.GroupVersionKind()
	if resource, ok := j.resources[kind]; ok {
		for _, problem := range resource.judge(object) {
			found(problem)
		}
		return nil
	}
	decoded, _, err := j.strict.Decode(text, nil, nil)
	if err != nil {
		found(err)
		if decoded, _, err = j.lenient.Decode(text, nil, nil); err != nil {
			return nil
		}
	}
	accessor, ok := decoded.(metav1.Object)
	if !ok {
		found("has no metadata")
		return nil
	}
	accessor.SetNamespace(namespace)
	legacyscheme.Scheme.Default(decoded)
	if template := podTemplate(decoded); template != nil {
		level := psapi.LevelVersion{Level: psapi.LevelRestricted, Version: psapi.LatestVersion()}
		for _, result := range j.restrict.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				found(fmt.Sprintf("the restricted profile forbids it: %s (%s)", result.ForbiddenReason, result.ForbiddenDetail))
			}
		}
	}
	inside, err := legacyscheme.Scheme.ConvertToVersion(decoded, schema.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		found(err)
		return nil
	}
	refused, err := validate(inside)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, problem := range refused {
		found(problem)
	}
	return nil
}

// podTemplate is what pods are made of that this object makes, or nil.
func podTemplate(object runtime.Object) *corev1.PodTemplateSpec {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil
	}
	if pod, ok := object.(*corev1.Pod); ok {
		return &corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
	}
	inside, ok, _ := unstructured.NestedMap(fields, "spec", "template")
	if !ok {
		return nil
	}
	var template corev1.PodTemplateSpec
	if runtime.DefaultUnstructuredConverter.FromUnstructured(inside, &template) != nil {
		return nil
	}
	return &template
}

// validate does what the API server does when an object is made.
func validate(object runtime.Object) (field.ErrorList, error) {
	switch it := object.(type) {
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(it, pod.GetValidationOptionsFromPodTemplate(&it.Spec.Template, nil)), nil
	case *batch.Job:
		options := batchvalidation.JobValidationOptions{
			PodValidationOptions: pod.GetValidationOptionsFromPodTemplate(&it.Spec.Template, nil),
		}
		// An API server makes the selector, and the same labels for the pods.
		it.UID = "00000000-0000-0000-0000-000000000000"
		manual := true
		labels := map[string]string{"batch.kubernetes.io/controller-uid": string(it.UID)}
		it.Spec.ManualSelector = &manual
		it.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		for key, value := range labels {
			it.Spec.Template.Labels[key] = value
		}
		return batchvalidation.ValidateJobCreate(it, options), nil
	case *autoscaling.HorizontalPodAutoscaler:
		return autoscalingvalidation.ValidateHorizontalPodAutoscaler(it, autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}), nil
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(it, policyvalidation.PodDisruptionBudgetValidationOptions{}), nil
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(it, networkingvalidation.NetworkPolicyValidationOptions{}), nil
	case *networking.Ingress:
		return networkingvalidation.ValidateIngressCreate(it), nil
	case *core.Pod:
		return corevalidation.ValidatePodCreate(it, pod.GetValidationOptionsFromPodSpecAndMeta(&it.Spec, nil, &it.ObjectMeta, nil)), nil
	case *core.Service:
		// An API server has them agree before it looks.
		if it.Spec.ClusterIP != "" {
			it.Spec.ClusterIPs = []string{it.Spec.ClusterIP}
		}
		return corevalidation.ValidateServiceCreate(it), nil
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(it), nil
	case *core.Secret:
		return corevalidation.ValidateSecret(it), nil
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(it), nil
	}
	return nil, fmt.Errorf("no rules are known here for a %T", object)
}
