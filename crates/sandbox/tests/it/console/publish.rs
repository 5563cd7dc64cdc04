//! Publishing by hand.

use super::Visitor;
use crate::caller::{furnished, settings};

#[tokio::test]
async fn publishing_warns_and_waits_for_a_second_confirmation() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    let asked = visitor.page("/console/publish").await;
    assert!(asked.contains("This cannot be undone"));
    assert!(!sandbox.registry().orders().published, "asking publishes nothing");

    let unconfirmed = visitor.send("/console/publish", "").await;
    assert_eq!(unconfirmed.status, 422);
    assert!(unconfirmed.body.contains("Tick the box"));
    assert!(!sandbox.registry().orders().published);

    let confirmed = visitor.send("/console/publish?lang=zh-CN", "understood=yes").await;
    assert_eq!(confirmed.status, 303);
    assert_eq!(confirmed.header("location"), Some("/?lang=zh-CN&done=published"));
    assert!(sandbox.registry().orders().published);
    let page = visitor.page("/?lang=zh-CN&done=published").await;
    assert!(page.contains("服务已发布") && !page.contains("/console/publish"), "and never again");
    assert!(visitor.page("/console/publish").await.contains("published already"));
}
