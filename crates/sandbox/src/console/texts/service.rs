//! Texts of the service's page, of publishing, and of the page that a policy is claimed on.

super::texts! {
    /// The service's page, and publishing.
    Service {
        intro: "What the vendor sees of the service in its console.",
            "接入方在服务控制台中看到的内容。";
        state: "State", "状态";
        published: "Published", "已发布";
        not_published: "Not published", "未发布";
        published_text: "Formal and test orders are accepted.", "正式订单和测试订单均可创建。";
        not_published_text: "Only test orders are accepted.", "只能创建测试订单。";
        authorisations: "Authorisations", "授权数";
        used_of_bought: "used of bought", "已用 / 已购";
        bound_devices: "Bound devices", "已绑定设备";
        heard_devices: "Devices heard of", "有数据的设备";
        reports_accepted: "Reports accepted", "已接受的数据";
        services: "Services", "服务列表";
        item: "Service", "服务";
        item_id: "ItemId", "ItemId";
        kind: "Kind", "类型";
        versions: "ItemVNO", "ItemVNO";
        orders: "Orders", "订单数";
        accepted_now: "Accepted now", "当前可下单";
        after_publishing: "after publishing", "发布后";
        fire: "Fire safety assurance", "火灾安全保障";
        two_wheeler: "Two-wheeler safety assurance", "两轮车安全保障";
        unknown_item: "Unknown service", "未知服务";
        mode: "How it checks calls", "校验方式";
        mode_text: "Set when the sandbox starts: see emberline sandbox --help.",
            "启动沙箱时设定，见 emberline sandbox --help。";
        app_key: "AppKey", "AppKey";
        nested_signature: "Nested values in the signature", "嵌套参数的签名方式";
        data_info: "Form of DataInfo", "DataInfo 形式";
        data_category: "Form of DataCategory", "DataCategory 形式";
        envelope: "Answers are wrapped in", "应答封装";
        edition: "Edition of the page-URL action", "页面地址接口版本";
        rate_limit: "Rate limit", "限频";
        per_second: "calls/s", "次/秒";
        no_limit: "none", "不限";
        unknown_customers: "Unknown customers", "未知客户";
        created_on_the_way: "created on the way", "自动创建";
        refused: "refused", "拒绝";
        unbound_devices: "Data of unbound devices", "未绑定设备的数据";
        accepted: "accepted", "接受";
        publish: "Publish…", "发布…";
        publish_title: "Publish the service", "发布服务";
        publish_warning_title: "This cannot be undone", "此操作不可撤销";
        publish_warning: "Once published, the service never returns to testing. From then on every formal order uses up one purchased authorisation. Test orders go on as before.",
            "发布后服务无法再回到调试状态。此后每个正式订单都会消耗一个已购授权；测试订单照常可用。";
        publish_now: "Now", "当前";
        publish_left: "Authorisations left", "剩余授权";
        publish_understood: "I understand that publishing cannot be undone.",
            "我已了解发布后不可撤销。";
        publish_confirm: "Publish for good", "确认发布";
        publish_cancel: "Do not publish", "取消";
        publish_unconfirmed: "Tick the box to publish. Nothing was changed.",
            "请先勾选确认。未作任何更改。";
        publish_already: "The service is published already.", "服务已经发布。";
        pace: "Calls", "调用";
        pace_more: "All about the calls", "调用详情";
    }
}

super::texts! {
    /// The stand-in for the page that a policy is claimed on.
    Insurance {
        title: "Claim the policy", "领取保单";
        stand_in: "This is the sandbox's stand-in for the insurer's page. No policy can be claimed here.",
            "这是沙箱对保险公司页面的模拟，此处无法领取真实保单。";
        version: "Version", "版本";
        no_version: "not named", "未指定";
        test_text: "A test order: a policy claimed with it is not valid.",
            "测试订单：以此领取的保单无效。";
        formal_text: "A formal order: on the insurer's page its policy would be claimed now.",
            "正式订单：在保险公司页面上，此时即可领取保单。";
        reached: "The way from the vendor's application to this page works.",
            "从接入方应用到本页面的流程已走通。";
        unknown_title: "This address is not complete", "地址不完整";
        unknown: "The address names no service that there is. Ask ServiceGetInsurancePageURL for it again.",
            "地址中的服务不存在，请重新调用 ServiceGetInsurancePageURL 获取。";
    }
}
