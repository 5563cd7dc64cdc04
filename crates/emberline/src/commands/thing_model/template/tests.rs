use serde_json::{Value, json};

use super::{Verdict, check};

/// The standard template with one thing changed in it.
fn changed(change: impl FnOnce(&mut Value)) -> Verdict {
    let mut file = serde_json::to_value(super::super::standard::template()).unwrap();
    change(&mut file);
    check(&file).unwrap()
}

fn problems(verdict: &Verdict) -> Vec<String> {
    verdict.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_contracts_own_example_conforms() {
    let file = json!({"version":"1.0","profile":{"ProductId":"0WUKPUCOTC","CategoryId":"3"},
     "properties":[
      {"id":"smoke_state","name":"…","desc":"","required":false,"mode":"r",
       "define":{"type":"bool","mapping":{"0":"normal","1":"smoke"}}},
      {"id":"power","name":"…","mode":"r",
       "define":{"type":"float","min":"-327.67","max":"327.67","start":"0","step":"0.01","unit":"kW"}},
      {"id":"voltage_info","name":"…","mode":"r",
       "define":{"type":"struct","specs":[
         {"id":"voltage","name":"…","dataType":{"type":"float","min":"0","max":"6553.5","start":"0","step":"0.1","unit":"V"}},
         {"id":"amount","name":"…","dataType":{"type":"int","min":"1","max":"63335","start":"1","step":"1","unit":""}}]}}],
     "events":[],"actions":[]});
    let verdict = check(&file).unwrap();
    assert!(verdict.conforms(), "{verdict:?}");
    assert_eq!(verdict.standard, ["smoke_state", "power", "voltage_info"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place_and_what_to_do() {
    let verdict = changed(|file| {
        let properties = file["properties"].as_array_mut().unwrap();
        properties[0]["define"]["specs"].as_array_mut().unwrap().pop();
        properties[0]["mode"] = json!("w");
        properties[1]["id"] = json!("temperature _info");
        properties[1]["define"]["specs"][0]["dataType"]["max"] = json!("150");
        properties[1]["define"]["specs"][1]["dataType"]["type"] = json!("float");
        properties[2]["define"] = json!({ "type": "float" });
        properties[3]["define"]["step"] = json!("0.01");
        properties[3]["define"].as_object_mut().unwrap().remove("min");
        properties[4]["define"]["unit"] = json!("W");
        properties[4].as_object_mut().unwrap().remove("mode");
        properties[5]["define"]["mapping"] = json!({ "1": "smoke", "2": "more smoke" });
        properties.push(json!({ "name": "no id" }));
        properties.push(json!("text"));
        properties.push(json!({ "id": "power", "mode": "r" }));
    });
    insta::assert_snapshot!(problems(&verdict).join("\n"));
}

#[test]
fn numbers_are_compared_and_not_their_spelling() {
    let verdict = changed(|file| {
        let define = &mut file["properties"][3]["define"];
        define["min"] = json!("0.000");
        define["max"] = json!(65.535);
        define["step"] = json!(" 0.0010 ");
        file["properties"][1]["define"]["specs"][0]["dataType"]["unit"] = json!("℃");
        file["properties"][0]["mode"] = json!("rw");
    });
    assert!(verdict.conforms(), "{verdict:?}");
}

#[test]
fn a_product_may_have_properties_of_its_own() {
    let verdict = changed(|file| {
        let properties = file["properties"].as_array_mut().unwrap();
        properties.truncate(1);
        properties.push(json!({ "id": "brightness", "define": { "type": "int" } }));
        properties.push(json!({ "id": "temperature", "define": { "type": "float" } }));
        file["events"] = json!([{ "id": "alarm" }]);
        file["actions"] = json!(["anything"]);
    });
    assert!(verdict.conforms(), "{verdict:?}");
    assert_eq!((verdict.standard.as_slice(), verdict.others), (&["voltage_info"][..], 2));
    // One that looks like a standard one is pointed at, no more.
    assert_eq!(verdict.notes.len(), 1, "{verdict:?}");
    assert!(verdict.notes[0].to_string().contains("temperature_info"), "{verdict:?}");
}

#[test]
fn a_field_beside_the_standard_ones_is_a_note() {
    let verdict = changed(|file| {
        let specs = file["properties"][0]["define"]["specs"].as_array_mut().unwrap();
        specs.push(json!({ "id": "phase", "dataType": { "type": "int" } }));
        specs.push(json!({ "id": "Amount", "dataType": specs[1]["dataType"].clone() }));
    });
    assert!(verdict.notes[0].to_string().contains("phase"), "{verdict:?}");
    assert_eq!(
        problems(&verdict),
        [
            "properties[0] voltage_info.Amount: the id is misspelt (white space, case or hyphen); write amount",
            "properties[0] voltage_info.Amount: is there twice; keep one",
        ]
    );
}

#[test]
fn a_template_without_any_standard_property_does_not_conform() {
    let verdict = check(&json!({ "properties": [{ "id": "brightness" }] })).unwrap();
    assert!(problems(&verdict)[0].contains("no standard property"), "{verdict:?}");
}

#[test]
fn what_is_no_template_is_of_no_use() {
    for file in [json!([]), json!({}), json!({ "properties": {} }), json!(7)] {
        assert!(check(&file).is_err(), "{file}");
    }
}
