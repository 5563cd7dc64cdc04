//! Simplified Chinese.

use super::{ClaimPage, Claims, Common, Cover, Introduction, Notice, Notices, OrderTexts, Texts};

pub(super) const TEXTS: Texts = Texts {
    common: Common {
        skip_to_content: "跳到正文",
        navigation: "页面导航",
        language: "语言",
        to_introduction: "保障介绍",
        to_claims: "我的保障",
        imprint: "服务主体信息",
        privacy: "隐私说明",
        test: "测试 / test",
        test_note: "仅供测试：以此领取的保单无效。",
        order_no: "订单号",
    },
    introduction: Introduction {
        title: "保障介绍",
        headline: "设备在守护，保障也在",
        lead: "您家中的智能设备随时留意火情与用电安全；万一仍有意外发生，保险为您承担损失。",
        what_is_covered: "保障什么",
        fire: Cover {
            name: "火灾保障",
            text: "适用于安装了烟感、电气火灾探测等设备的住所与商铺。",
            points: [
                "火灾造成的房屋与室内财产损失",
                "设备持续监测电压、电流、温度与烟雾",
                "在线领取保单，随时查看",
            ],
        },
        two_wheeler: Cover {
            name: "两轮车保障",
            text: "适用于使用智能充电设备的电动两轮车。",
            points: [
                "充电期间起火造成的损失",
                "充电设备持续监测电流与温度",
                "在线领取保单，随时查看",
            ],
        },
        how_it_works: "三步完成",
        steps: [
            Notice { title: "选择方案", text: "选好适合您的保障方案。" },
            Notice {
                title: "自动登记", text: "我们为您登记到保险服务方，通常只需几秒钟。"
            },
            Notice { title: "领取保险", text: "在「我的保障」里领取保单。" },
        ],
        plans: "可选方案",
        no_plans: "目前没有可选的方案，请稍后再来看看。",
        price: "价格",
        buy: "立即购买",
        activate: "立即激活",
        ordered: "您已拥有此方案",
        to_order: "查看并领取",
        buy_another: "再来一份",
    },
    claims: Claims {
        title: "我的保障",
        lead: "这里是您的全部订单。点击「领取保险」，前往保险服务方的页面完成领取。",
        ready: "可领取",
        coming: "登记中",
        count: |count| format!("{count} 份"),
        claim: "领取保险",
        progress: "查看进度",
        none: Notice {
            title: "还没有订单", text: "选择一个方案，登记完成后即可在这里领取保险。"
        },
        to_plans: "查看方案",
    },
    order: OrderTexts {
        coming: Notice {
            title: "正在登记您的订单", text: "通常只需几秒钟，请稍候。"
        },
        coming_for_a_while: Notice {
            title: "还在登记",
            text: "比平时稍久一些。您的订单已收到，不需要再次提交；您也可以离开此页，稍后到「我的保障」查看。",
        },
        coming_for_long: Notice {
            title: "登记尚未完成",
            text: "您的订单已收到，但保险服务方还没有登记它。请过一段时间到「我的保障」查看；若仍然没有，请联系客服并提供订单号。",
        },
        there: Notice {
            title: "登记完成", text: "您的保障已经就绪，现在可以领取保险。"
        },
        reloads: "此页面会自动更新。",
        look_now: "立即刷新",
        steps: ["已收到", "登记中", "可领取"],
        claim: "领取保险",
    },
    claim_page: ClaimPage {
        title: "前往领取",
        text: "您的保险由保险服务方发放。请选择打开方式：",
        open_page: "打开领取页面",
        open_mini_program: "打开微信小程序",
        mini_program_note: "小程序需要手机上已安装微信。",
    },
    notices: Notices {
        retry: "重试",
        back_to_claims: "返回我的保障",
        wait: |seconds| format!("请在 {seconds} 秒后重试。"),
        no_session: Notice {
            title: "请从应用中重新打开",
            text: "为了保护您的信息，此页面只能从应用进入，且停留一段时间后会自动退出。请回到应用，再次点击进入。",
        },
        token_refused: Notice {
            title: "链接无效或已过期",
            text: "请回到应用，再次点击进入；每次进入都会得到一个新的链接。",
        },
        token_used: Notice {
            title: "链接已使用过",
            text: "每个链接只能使用一次。请回到应用，再次点击进入。",
        },
        cannot_enter_now: Notice {
            title: "暂时无法进入",
            text: "我们这边出了点问题。您可以直接重试；若仍不行，请稍后从应用重新进入。",
        },
        too_often: Notice {
            title: "操作过于频繁", text: "请稍等片刻再试，您的订单不会受到影响。"
        },
        old_form: Notice {
            title: "页面已失效",
            text: "此页面打开太久，或不是从这里提交的。什么都没有发生，请返回后再试一次。",
        },
        not_found: Notice { title: "没有这个页面", text: "请从下面的入口继续。" },
        no_such_order: Notice {
            title: "没有找到这个订单",
            text: "它不存在，或不属于当前账户。您的全部订单都在「我的保障」里。",
        },
        down: Notice {
            title: "保险服务方暂时无法连接", text: "您的订单不会丢失。请稍后重试。"
        },
        slow: Notice {
            title: "保险服务方响应较慢",
            text: "我们等了一会儿，还没有得到回应。您的订单不会受影响，请重试。",
        },
        throttled: Notice {
            title: "现在使用的人较多", text: "保险服务方请我们稍等片刻。"
        },
        unknown_customer: Notice {
            title: "您还没有在保险服务方登记",
            text: "如果您刚刚下单，登记可能还在进行，请稍后重试；否则请先选择一个方案。",
        },
        refused: Notice {
            title: "保险服务方没有接受这次请求",
            text: "您可以重试；若仍不行，请联系客服并提供订单号。",
        },
        ours: Notice {
            title: "服务暂时不可用",
            text: "问题出在我们这边，已经记录。您的订单不会丢失，请稍后重试。",
        },
        no_page: Notice {
            title: "暂时无法打开领取页面",
            text: "保险服务方没有给出可以放心打开的地址。请稍后重试；若仍不行，请联系客服。",
        },
        order_later: Notice {
            title: "订单还没有提交成功",
            text: "请重试。重试不会产生重复的订单。",
        },
        not_on_sale: Notice {
            title: "此方案尚未开放", text: "没有产生订单，也没有任何费用。"
        },
        sold_out: Notice {
            title: "此方案已经领完",
            text: "没有产生订单，也没有任何费用。请联系客服，或稍后再来看看。",
        },
        contact_refused: Notice {
            title: "手机号未被接受",
            text: "保险服务方没有接受您在应用中的手机号。请在应用中检查手机号，再重新进入。",
        },
        order_refused: Notice {
            title: "订单未被接受",
            text: "保险服务方没有接受这个订单，没有产生费用。请联系客服并提供订单号。",
        },
    },
};
