package main

import (
	"context"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// customResource is a version of a custom resource, as its definition describes it.
type customResource struct {
	structure *structural.Structural
	schema    validation.SchemaValidator
	rules     *cel.Validator
}

func readCustomResource(text []byte) (map[schema.GroupVersionKind]*customResource, []schema.GroupVersionKind, error) {
	var written apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &written); err != nil {
		return nil, nil, err
	}
	var kinds []schema.GroupVersionKind
	resources := map[schema.GroupVersionKind]*customResource{}
	for _, version := range written.Spec.Versions {
		var inside apiextensions.CustomResourceValidation
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &inside, nil); err != nil {
			return nil, nil, err
		}
		structure, err := structural.NewStructural(inside.OpenAPIV3Schema)
		if err != nil {
			return nil, nil, err
		}
		validator, _, err := validation.NewSchemaValidator(inside.OpenAPIV3Schema)
		if err != nil {
			return nil, nil, err
		}
		kind := schema.GroupVersionKind{Group: written.Spec.Group, Version: version.Name, Kind: written.Spec.Names.Kind}
		kinds = append(kinds, kind)
		resources[kind] = &customResource{structure, validator, cel.NewValidator(structure, true, celconfig.PerCallLimit)}
	}
	if len(kinds) == 0 {
		return nil, nil, fmt.Errorf("no definition of a custom resource")
	}
	return resources, kinds, nil
}

func (r *customResource) judge(object *unstructured.Unstructured) []string {
	var problems []string
	options := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	copied := object.DeepCopy()
	for _, path := range pruning.PruneWithOptions(copied.Object, r.structure, true, options) {
		problems = append(problems, "unknown field "+path)
	}
	defaulting.Default(copied.Object, r.structure)
	for _, problem := range validation.ValidateCustomResource(nil, copied.Object, r.schema) {
		problems = append(problems, problem.Error())
	}
	if r.rules != nil {
		refused, _ := r.rules.Validate(context.Background(), nil, r.structure, copied.Object, nil, celconfig.RuntimeCELCostBudget)
		for _, problem := range refused {
			problems = append(problems, problem.Error())
		}
	}
	return problems
}
