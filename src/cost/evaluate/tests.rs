//! Values as CloudFormation would evaluate them.

use super::*;

fn node(template: &str, parameters: &[(&str, Option<&str>)]) -> Node {
    let document = Document::parse("t", template).unwrap();
    let inputs = Inputs {
        region: "eu-west-1".to_owned(),
        parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), v.map(ToOwned::to_owned))).collect(),
    };
    Evaluator::new(&document, &inputs).properties("R").get("X")
}

fn value(expression: &str) -> Node {
    node(
        &format!(
            "
Parameters: {{ P: {{ Type: Number, Default: 3 }}, L: {{ Type: CommaDelimitedList, Default: 'a, b' }}, S: {{ Type: 'AWS::SSM::Parameter::Value<String>', Default: /x }} }}
Mappings: {{ M: {{ eu-west-1: {{ Size: 7 }} }} }}
Conditions:
  Yes: !Equals [!Ref P, '3']
  Deep: !And [!Condition Yes, !Not [!Equals [!Select [1, !Ref L], a]]]
  A: !Condition B
  B: !Condition A
Resources: {{ R: {{ Type: T, Properties: {{ X: {expression} }} }}, Q: {{ Type: T }} }}"
        ),
        &[],
    )
}

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

#[test]
fn functions_give_what_cloudformation_gives() {
    for (expression, expected) in [
        ("!Ref P", "3"),
        ("!FindInMap [M, !Ref 'AWS::Region', Size]", "7"),
        ("!If [Deep, 1, 2]", "1"),
        ("!Select [1, !Split [',', 'x,y']]", "y"),
        ("!Join ['-', [!Ref P, !Select [0, !Ref L]]]", "3-a"),
        ("!Sub ['${V}-${P}-${!P}', { V: !Length [1, 2] }]", "2-3-${P}"),
        ("!Select [1, !Cidr [10.0.0.0/16, 2, 8]]", "10.0.1.0/24"),
        ("!ToJsonString { a: [1, !Ref P] }", r#"{"a":["1","3"]}"#),
        ("{ 'Fn::FindInMap': [M, none, Size, { DefaultValue: 9 }] }", "9"),
    ] {
        assert_eq!(value(expression), text(expected), "{expression}");
    }
}

#[test]
fn what_only_aws_knows_stays_unknown_with_its_reason() {
    for (expression, reason) in [
        ("!Ref S", "SSM"),
        ("!ImportValue other", "another stack"),
        ("!GetAZs ''", "zones"),
        ("{ 'Fn::Transform': { Name: 'AWS::Include' } }", "transform"),
        ("{ 'Fn::Mystery': 1 }", "Fn::Mystery"),
        ("!If [A, 1, 2]", "itself"),
        ("!If [Missing, 1, 2]", "Missing"),
        ("!Select [5, !Ref L]", "item 5"),
        ("!Cidr [10.0.0.0/16, 100000000, 8]", "256"),
        ("!Ref Nothing", "neither"),
    ] {
        match value(expression) {
            Node::Unknown(said) => assert!(said.contains(reason), "{expression}: {said}"),
            other => panic!("{expression}: {other:?}"),
        }
    }
}

#[test]
fn a_reference_is_followed_through_functions_but_is_no_text() {
    let node = value("!Sub 'service/x/${Q.Name}'");
    assert_eq!(node.referred(), Some("Q"));
    assert_eq!(node.text(), None);
    assert!(node.reason().is_some());
}

#[test]
fn an_output_is_handed_on_with_its_length_but_without_foreign_names() {
    let document = Document::parse(
        "t",
        "Resources: { A: { Type: T }, B: { Type: T } }\nOutputs: { Ids: { Value: !Join [',', [!Ref A, !Ref B]] } }",
    )
    .unwrap();
    let inputs = Inputs::default();
    let output = Evaluator::new(&document, &inputs).output("Ids").unwrap();
    assert_eq!(output.split(',').count(), 2);
    assert!(!output.contains('A'), "{output}");
}

#[test]
fn a_parameter_not_declared_is_an_error_that_lists_those_that_are() {
    let document = Document::parse("t", "Parameters: { Size: { Type: String } }\nResources: {}").unwrap();
    let given = Known::from([("Sise".to_owned(), Some("1".to_owned()))]);
    let error = check("t", &document, &given).unwrap_err();
    assert!(matches!(error, CostError::Parameter { ref help, .. } if help.contains("Size")), "{error:?}");
}
